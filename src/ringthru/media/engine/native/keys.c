#include "keys.h"

#include <math.h>

static const double INTERVAL = 0.02; /* seconds between the packets of one event (§2.5.1.2) */
static const double GAP = 0.05;      /* seconds between two keys */
enum { SHORTEST = 50, LONGEST = 8000, VOLUME = 10 };

static bool finish(rt_key_listener *listener, uint32_t rate, uint8_t *event, uint32_t *milliseconds) {
    listener->done = true;
    *event = listener->event;
    *milliseconds = listener->duration * 1000u / rate;
    return listener->heard && listener->event < RT_KEYS;
}

bool rt_hear_key(rt_key_listener *listener, const uint8_t *payload, size_t size, uint32_t timestamp,
                 uint32_t rate, uint8_t *event, uint32_t *milliseconds) {
    if (size < RT_KEY_PAYLOAD)
        return false;
    bool end = payload[1] & 0x80, before = false;
    uint16_t duration = (uint16_t)(payload[2] << 8 | payload[3]);
    if (listener->any && timestamp == listener->timestamp) {
        if (listener->done || duration < listener->duration)
            return false; /* a copy of the end, or a packet that came late */
        listener->event = payload[0];
        listener->duration = duration;
        return end && finish(listener, rate, event, milliseconds);
    }
    if (listener->any && (int32_t)(timestamp - listener->timestamp) < 0)
        return false; /* of an event before this one */
    if (!listener->done)
        before = finish(listener, rate, event, milliseconds);
    *listener = (rt_key_listener){timestamp, duration, payload[0], true, true, false};
    return before || (end && finish(listener, rate, event, milliseconds));
}

bool rt_press_key(rt_key_presser *presser, uint8_t event, unsigned milliseconds, double now) {
    if (event >= RT_KEYS || presser->count == RT_MAX_QUEUED_KEYS)
        return false;
    unsigned place = (presser->first + presser->count++) % RT_MAX_QUEUED_KEYS;
    unsigned length = milliseconds < SHORTEST ? SHORTEST : milliseconds > LONGEST ? LONGEST : milliseconds;
    presser->queue[place].event = event;
    presser->queue[place].milliseconds = (uint16_t)length;
    if (!presser->has_at) {
        presser->has_at = true;
        presser->at = now;
    }
    return true;
}

static uint16_t bounded(uint64_t duration) {
    return (uint16_t)(duration > RT_LONGEST_DURATION ? RT_LONGEST_DURATION : duration);
}

void rt_key_at_another_rate(uint8_t payload[RT_KEY_PAYLOAD], uint32_t was, uint32_t rate) {
    uint16_t duration = bounded((uint64_t)(payload[2] << 8 | payload[3]) * rate / was);
    payload[2] = (uint8_t)(duration >> 8);
    payload[3] = (uint8_t)duration;
}

unsigned rt_key_due(rt_key_presser *presser, double now, uint32_t rate, uint8_t payload[RT_KEY_PAYLOAD],
                    bool *first) {
    if (!presser->has_at || now < presser->at)
        return 0;
    if (presser->count == 0) {
        presser->has_at = false;
        return 0;
    }
    uint16_t milliseconds = presser->queue[presser->first].milliseconds;
    *first = !presser->pressing;
    if (*first) {
        presser->pressing = true;
        presser->began = now;
    }
    double passed = rint((now - presser->began + INTERVAL) * 1000);
    bool over = passed >= milliseconds;
    uint16_t duration = bounded((uint64_t)(over ? milliseconds : (unsigned)passed) * rate / 1000);
    payload[0] = presser->queue[presser->first].event;
    payload[1] = (uint8_t)(over << 7 | VOLUME);
    payload[2] = (uint8_t)(duration >> 8);
    payload[3] = (uint8_t)duration;
    presser->at = now + (over ? GAP : INTERVAL);
    if (!over)
        return 1;
    presser->first = (uint8_t)((presser->first + 1) % RT_MAX_QUEUED_KEYS);
    presser->count--;
    presser->pressing = false;
    return RT_KEY_ENDINGS; /* copies of the last packet (§2.5.1.4) */
}
