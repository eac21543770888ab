#include "heap.h"

#include <stdlib.h>

bool rt_heap_reserve(rt_heap *heap, size_t count) {
    if (count + 1 <= heap->room)
        return true;
    size_t room = 2 * (count + 1);
    rt_timer **timers = realloc(heap->timers, room * sizeof *timers);
    if (timers == NULL)
        return false;
    heap->timers = timers;
    heap->room = room;
    return true;
}

void rt_heap_close(rt_heap *heap) {
    free(heap->timers);
    *heap = (rt_heap){0};
}

static void put(rt_heap *heap, size_t place, rt_timer *timer) {
    heap->timers[place] = timer;
    timer->place = place;
}

static void move_up(rt_heap *heap, size_t place, rt_timer *timer) {
    for (; place > 1 && heap->timers[place / 2]->due > timer->due; place /= 2)
        put(heap, place, heap->timers[place / 2]);
    put(heap, place, timer);
}

static void move_down(rt_heap *heap, size_t place, rt_timer *timer) {
    for (;;) {
        size_t child = 2 * place;
        if (child < heap->count && heap->timers[child + 1]->due < heap->timers[child]->due)
            child++;
        if (child > heap->count || heap->timers[child]->due >= timer->due)
            break;
        put(heap, place, heap->timers[child]);
        place = child;
    }
    put(heap, place, timer);
}

void rt_heap_set(rt_heap *heap, rt_timer *timer, double due) {
    timer->due = due;
    if (timer->place == 0)
        move_up(heap, ++heap->count, timer);
    else if (timer->place > 1 && heap->timers[timer->place / 2]->due > due)
        move_up(heap, timer->place, timer);
    else
        move_down(heap, timer->place, timer);
}

void rt_heap_remove(rt_heap *heap, rt_timer *timer) {
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    rt_timer *last = heap->timers[heap->count--];
    if (last == timer)
        return;
    last->place = place;
    rt_heap_set(heap, last, last->due);
}

rt_timer *rt_heap_first(const rt_heap *heap) { return heap->count ? heap->timers[1] : NULL; }
