/* Timers: a binary heap of what is due first. Packets only ever move a timer away, so few come here. */
#ifndef RINGTHRU_HEAP_H
#define RINGTHRU_HEAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rt_timer {
    double due;
    size_t place; /* in the heap, from one on; 0: in none */
} rt_timer;

typedef struct {
    rt_timer **timers; /* from one on */
    size_t count, room;
} rt_heap;

bool rt_heap_reserve(rt_heap *heap, size_t count); /* false: no memory for so many */
void rt_heap_close(rt_heap *heap);
void rt_heap_set(rt_heap *heap, rt_timer *timer, double due); /* room must have been reserved */
void rt_heap_remove(rt_heap *heap, rt_timer *timer);
rt_timer *rt_heap_first(const rt_heap *heap); /* NULL: empty */

#endif
