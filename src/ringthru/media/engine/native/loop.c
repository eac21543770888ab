#define _GNU_SOURCE
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256 }; /* sockets of one look; each gives one datagram, so a flood leaves the others their turn */
enum { STALE = 64 };  /* datagrams thrown away at most when a leg begins */
static const double LONGEST_SLEEP = 5.0; /* seconds; an idle engine must notice that it is */
static const double MEASURE_EVERY = 0.5;
/* Naps. Where packets come one by one the thread would fall asleep and be woken for each, which costs more than the
 * packet. Beyond so many a second it waits a moment instead, and finds several. */
enum { COUNTED = 1000, DENSE = 40000, FEW = 8 }; /* packets; a second; sockets of one look */
static const long NAP = 50000, SLACK = 1000;     /* nanoseconds; SLACK: by which the system may prolong it */

double rt_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Locking: a mutex is not fair, so the thread steps aside while somebody waits. */

void rt_loop_lock(rt_loop *loop) {
    atomic_fetch_add(&loop->waiting, 1);
    pthread_mutex_lock(&loop->lock);
    atomic_fetch_sub(&loop->waiting, 1);
}

void rt_loop_unlock(rt_loop *loop) { pthread_mutex_unlock(&loop->lock); }

static void let_others_in(rt_loop *loop) {
    if (atomic_load_explicit(&loop->waiting, memory_order_relaxed) == 0)
        return;
    pthread_mutex_unlock(&loop->lock);
    while (atomic_load(&loop->waiting) > 0)
        sched_yield();
    pthread_mutex_lock(&loop->lock);
}

static void signal_descriptor(int descriptor) {
    uint64_t one = 1;
    ssize_t written = write(descriptor, &one, sizeof one);
    (void)written; /* it fails only where it is readable already */
}

/* Addresses */

static socklen_t to_system(const rt_address *address, struct sockaddr_storage *storage) {
    if (address->family == RT_IPV4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
        *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&v4->sin_addr, address->host, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    *v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(address->port), .sin6_scope_id = address->scope};
    memcpy(&v6->sin6_addr, address->host, 16);
    return sizeof *v6;
}

static rt_address from_system(const struct sockaddr_storage *storage) {
    rt_address address = {0};
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)storage;
        address.family = RT_IPV4;
        address.port = ntohs(v4->sin_port);
        memcpy(address.host, &v4->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)storage;
        address.family = RT_IPV6;
        address.port = ntohs(v6->sin6_port);
        address.scope = v6->sin6_scope_id;
        memcpy(address.host, &v6->sin6_addr, 16);
    }
    return address;
}

/* A peer that went away, a full buffer or a family that does not fit costs the datagram. */
static void emit(rt_stream *stream, bool rtcp, const uint8_t *data, size_t size) {
    rt_leg *leg = (rt_leg *)stream;
    struct sockaddr_storage storage;
    const rt_address *target = rt_stream_target(stream, rtcp);
    if (target == NULL || leg->loop == NULL)
        return; /* closed: its descriptors may be another's by now */
    socklen_t length = to_system(target, &storage);
    int descriptor = rtcp && !stream->agreed.mux ? leg->rtcp : leg->rtp;
    sendto(descriptor, data, size, MSG_DONTWAIT, (struct sockaddr *)&storage, length);
}

/* Legs */

static uint64_t mark_of(rt_leg *leg, bool rtcp) { return (uint64_t)(uintptr_t)leg | rtcp; }

/* Throw away what arrived while nobody listened: it belongs to an earlier call. */
static void drain(int descriptor) {
    for (int left = STALE; left > 0 && recv(descriptor, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0; left--)
        ;
}

int rt_loop_add(rt_loop *loop, rt_leg *leg) {
    if (!rt_heap_reserve(&loop->heap, loop->legs + 1))
        return ENOMEM;
    drain(leg->rtp);
    drain(leg->rtcp);
    struct epoll_event rtp = {.events = EPOLLIN, .data.u64 = mark_of(leg, false)};
    struct epoll_event rtcp = {.events = EPOLLIN, .data.u64 = mark_of(leg, true)};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, leg->rtp, &rtp) < 0)
        return errno;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, leg->rtcp, &rtcp) < 0) {
        int error = errno;
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, leg->rtp, NULL);
        return error;
    }
    leg->stream.emit = emit;
    leg->loop = loop;
    loop->legs++;
    return 0;
}

void rt_loop_remove(rt_loop *loop, rt_leg *leg) {
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, leg->rtp, NULL);
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, leg->rtcp, NULL);
    rt_heap_remove(&loop->heap, &leg->timer);
    rt_leg **link = &loop->first_told, *before = NULL;
    for (; *link && *link != leg; link = &(*link)->next_told)
        before = *link;
    if (*link) {
        *link = leg->next_told;
        if (loop->last_told == leg)
            loop->last_told = before;
    }
    leg->told = false;
    leg->loop = NULL;
    loop->legs--;
    loop->stale = true;
}

static void note_events(rt_loop *loop, rt_leg *leg) {
    if (leg->stream.event_count == 0 || leg->told)
        return;
    leg->told = true;
    leg->next_told = NULL;
    if (loop->first_told) {
        loop->last_told->next_told = leg;
    } else {
        loop->first_told = leg;
        signal_descriptor(loop->told);
    }
    loop->last_told = leg;
}

rt_leg *rt_loop_next_told(rt_loop *loop) {
    rt_leg *leg = loop->first_told;
    if (leg) {
        loop->first_told = leg->next_told;
        leg->told = false;
    }
    return leg;
}

static void set_timer(rt_loop *loop, rt_leg *leg) {
    double due = rt_stream_next_timeout(&leg->stream);
    if (due < INFINITY)
        rt_heap_set(&loop->heap, &leg->timer, due);
    else
        rt_heap_remove(&loop->heap, &leg->timer);
}

/* Have the clock ring for the first timer, or at ``latest``. It is only ever set earlier, and rings once in vain where a timer moved
 * away: a timeout for each epoll_wait would set and clear the processor's timer for every packet, which costs as
 * much as a system call, and in a virtual machine more. */
static void set_clock(rt_loop *loop, double latest) {
    rt_timer *first = rt_heap_first(&loop->heap);
    double due = first ? fmin(first->due, latest) : latest;
    if (due >= loop->rings_at)
        return;
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)due}};
    when.it_value.tv_nsec = (long)((due - floor(due)) * 1e9) | 1; /* never 0, which would stop it */
    loop->rings_at = due;
    timerfd_settime(loop->clock, TFD_TIMER_ABSTIME, &when, NULL);
}

void rt_loop_changed(rt_leg *leg) {
    rt_loop *loop = leg->loop;
    set_timer(loop, leg);
    note_events(loop, leg);
    set_clock(loop, INFINITY);
}

/* The thread */

static void receive(rt_loop *loop, uint64_t mark, double now) {
    uint8_t datagram[RT_MAX_DATAGRAM + 1];
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    rt_leg *leg = (rt_leg *)(uintptr_t)(mark & ~(uint64_t)1);
    bool rtcp = mark & 1;
    ssize_t size = recvfrom(rtcp ? leg->rtcp : leg->rtp, datagram, sizeof datagram, MSG_DONTWAIT,
                            (struct sockaddr *)&storage, &length);
    if (size < 0)
        return; /* nothing there after all, or an ICMP error of an earlier packet */
    rt_address source = from_system(&storage);
    (rtcp ? rt_stream_receive_rtcp : rt_stream_receive_rtp)(&leg->stream, datagram, (size_t)size, &source, now);
    note_events(loop, leg);
}

static void run_due(rt_loop *loop, double now) {
    rt_timer *timer;
    while ((timer = rt_heap_first(&loop->heap)) != NULL && timer->due <= now) {
        rt_leg *leg = (rt_leg *)((char *)timer - offsetof(rt_leg, timer));
        rt_stream_handle_timeout(&leg->stream, now);
        double due = rt_stream_next_timeout(&leg->stream);
        /* Never twice in one go: a timer that stays in the past would hold up everybody else. */
        rt_heap_set(&loop->heap, timer, due > now ? due : now + 0.001);
        note_events(loop, leg);
        let_others_in(loop);
    }
}

static void measure(rt_loop *loop, double now) {
    struct timespec used;
    if (now - loop->measured_at < MEASURE_EVERY)
        return;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    uint64_t cpu = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    loop->busy = (double)(cpu - loop->cpu_at) * 1e-9 / (now - loop->measured_at);
    loop->cpu_at = cpu;
    loop->measured_at = now;
}

static void note_density(rt_loop *loop, int count, double now) {
    loop->counted += count;
    if (loop->counted < COUNTED)
        return;
    loop->dense = loop->counted > DENSE * (now - loop->counted_at);
    loop->counted = 0;
    loop->counted_at = now;
}

static void nap(rt_loop *loop) {
    struct timespec moment = {.tv_nsec = NAP};
    rt_loop_unlock(loop);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
    pthread_mutex_lock(&loop->lock);
}

static void take_batch(rt_loop *loop, const struct epoll_event *events, int count) {
    double now = rt_now();
    note_density(loop, count, now);
    for (int index = 0; index < count && !loop->stale; index++) {
        if (events[index].data.u64 == 0)
            continue; /* the clock, or the end: both are looked at each time round */
        receive(loop, events[index].data.u64, now);
        if (index % 16 == 15)
            now = rt_now();
        let_others_in(loop);
    }
}

static void *run(void *argument) {
    rt_loop *loop = argument;
    struct epoll_event events[BATCH];
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are Python's */
    prctl(PR_SET_TIMERSLACK, SLACK);
    rt_loop_lock(loop);
    while (!loop->stopping) {
        double now = rt_now();
        run_due(loop, now);
        measure(loop, now);
        if (loop->rings_at <= now)
            loop->rings_at = INFINITY; /* it has rung */
        set_clock(loop, now + LONGEST_SLEEP);
        loop->stale = false;
        rt_loop_unlock(loop);
        int count = epoll_wait(loop->epoll, events, BATCH, -1);
        pthread_mutex_lock(&loop->lock);
        take_batch(loop, events, count);
        if (loop->dense && count < FEW)
            nap(loop);
    }
    rt_loop_unlock(loop);
    return NULL;
}

static void close_descriptors(rt_loop *loop) {
    int descriptors[] = {loop->epoll, loop->wake, loop->told, loop->clock};
    for (int index = 0; index < 4; index++)
        if (descriptors[index] >= 0)
            close(descriptors[index]);
}

int rt_loop_begin(rt_loop *loop) {
    *loop = (rt_loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .rings_at = INFINITY};
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    /* A mark of 0: our own. They are never read, so each is told once for each time that it rings. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int error = 0;
    if (loop->epoll < 0 || loop->wake < 0 || loop->told < 0 || loop->clock < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->clock, &event) < 0)
        error = errno;
    pthread_mutex_init(&loop->lock, NULL);
    loop->measured_at = rt_now();
    if (error == 0)
        error = pthread_create(&loop->thread, NULL, run, loop);
    if (error != 0) {
        close_descriptors(loop);
        return error;
    }
    pthread_setname_np(loop->thread, "ringthru-media");
    loop->running = true;
    return 0;
}

void rt_loop_end(rt_loop *loop) {
    if (!loop->running)
        return;
    loop->running = false;
    rt_loop_lock(loop);
    loop->stopping = true;
    signal_descriptor(loop->wake);
    rt_loop_unlock(loop);
    pthread_join(loop->thread, NULL);
    pthread_mutex_destroy(&loop->lock);
    rt_heap_close(&loop->heap);
    close_descriptors(loop);
}
