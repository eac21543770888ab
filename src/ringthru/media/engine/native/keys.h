/* Keys as RTP events (RFC 4733 §2): one key heard, one key pressed (see media/rtp/telephone_event.py). */
#ifndef RINGTHRU_KEYS_H
#define RINGTHRU_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RT_KEYS = 16, RT_MAX_QUEUED_KEYS = 64, RT_KEY_PAYLOAD = 4, RT_KEY_ENDINGS = 3 };

enum { RT_LONGEST_DURATION = 0xFFFF }; /* in the clock of the events (§2.3.5) */

typedef struct {
    uint32_t timestamp;
    uint16_t duration;
    uint8_t event;
    bool any, heard, done;
} rt_key_listener;

/* Take one packet, of a clock of ``rate`` Hz; true: a key ended with it, or the one before did, whose end was lost. */
bool rt_hear_key(rt_key_listener *listener, const uint8_t *payload, size_t size, uint32_t timestamp,
                 uint32_t rate, uint8_t *event, uint32_t *milliseconds);

typedef struct {
    struct {
        uint8_t event;
        uint16_t milliseconds;
    } queue[RT_MAX_QUEUED_KEYS];
    uint8_t first, count;
    bool has_at, pressing; /* pressing: a key is down now, and its packets take the place of the audio */
    double at, began;
} rt_key_presser;

/* Press a key after those that wait; false: too many wait. */
bool rt_press_key(rt_key_presser *presser, uint8_t event, unsigned milliseconds, double now);

/* The packet to send now, and how many copies of it (0: none is due); *first begins a new event. */
unsigned rt_key_due(rt_key_presser *presser, double now, uint32_t rate, uint8_t payload[RT_KEY_PAYLOAD],
                    bool *first);

/* The payload of an event in another clock. */
void rt_key_at_another_rate(uint8_t payload[RT_KEY_PAYLOAD], uint32_t was, uint32_t rate);

#endif
