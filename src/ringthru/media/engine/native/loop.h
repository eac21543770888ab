/* Sockets and time: one thread, one epoll of every leg's sockets, and timers around the streams.
 *
 * The thread never takes Python's lock. Whoever else touches a leg holds the loop's lock, for as long as that
 * takes; the thread lets others in between two packets.
 */
#ifndef RINGTHRU_LOOP_H
#define RINGTHRU_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "heap.h"
#include "stream.h"

typedef struct rt_loop rt_loop;

typedef struct rt_leg {
    rt_stream stream; /* first: a stream of a loop is its leg */
    rt_timer timer;
    rt_loop *loop; /* NULL once closed, and in tests without one */
    int rtp, rtcp; /* descriptors, the caller's */
    struct rt_leg *next_told; /* in the loop's list of those with events */
    bool told;
    uint64_t number; /* by which Python knows it */
} rt_leg;

struct rt_loop {
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_int waiting;  /* threads that want the lock */
    bool running, stopping;
    bool stale;          /* a leg was closed: what epoll has told meanwhile may be about it */
    int epoll, wake, told; /* told: readable while there are events */
    int clock;             /* a timerfd for the first timer; wake: the thread shall end */
    rt_heap heap;
    size_t legs;
    double rings_at; /* when the clock does; INFINITY: it is not set */
    rt_leg *first_told, *last_told;
    int counted;       /* sockets that were ready since counted_at */
    double counted_at;
    bool dense;        /* so many of them that naps pay */
    double busy, measured_at; /* the share of one core that was used lately, and when it was looked at */
    uint64_t cpu_at;          /* nanoseconds of the thread's processor time then */
};

double rt_now(void); /* seconds, CLOCK_MONOTONIC: the clock of Python's time.monotonic */

int rt_loop_begin(rt_loop *loop); /* 0, or an errno */
void rt_loop_end(rt_loop *loop);
void rt_loop_lock(rt_loop *loop);
void rt_loop_unlock(rt_loop *loop);

/* With the lock held: */

int rt_loop_add(rt_loop *loop, rt_leg *leg); /* 0, or an errno */
void rt_loop_remove(rt_loop *loop, rt_leg *leg);
void rt_loop_changed(rt_leg *leg); /* after anything was asked of a leg: its timer and its events */
rt_leg *rt_loop_next_told(rt_loop *loop); /* a leg with events, which leaves the list; NULL: none */

#endif
