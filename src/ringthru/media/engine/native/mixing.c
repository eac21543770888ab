#include "mixing.h"

enum { BIAS = 132, CLIP = 32635 }; /* as in sound/g711.py */

int16_t rt_ulaw_to_linear(uint8_t octet) {
    octet = (uint8_t)~octet;
    int magnitude = ((octet & 0x0F) << 3 | 0x84) << (octet >> 4 & 7);
    return (int16_t)(octet & 0x80 ? BIAS - magnitude : magnitude - BIAS);
}

uint8_t rt_linear_to_ulaw(int32_t sample) {
    uint32_t magnitude = (uint32_t)(sample < 0 ? -sample : sample);
    magnitude = (magnitude < CLIP ? magnitude : CLIP) + BIAS;
    uint32_t segment = 24 - (uint32_t)__builtin_clz(magnitude); /* its highest bit is one of 7 … 14 */
    uint32_t sign = sample < 0 ? 0x80 : 0;
    return (uint8_t) ~(sign | segment << 4 | (magnitude >> (segment + 3) & 0x0F));
}

void rt_mix(uint8_t *everybody, uint8_t *const *apart, const uint8_t *const *frames, size_t count, size_t size) {
    for (size_t at = 0; at < size; at++) {
        int32_t levels[RT_MOST_VOICES], sum = 0;
        for (size_t voice = 0; voice < count; voice++)
            sum += levels[voice] = rt_ulaw_to_linear(frames[voice][at]);
        everybody[at] = rt_linear_to_ulaw(sum);
        for (size_t voice = 0; voice < count; voice++)
            apart[voice][at] = rt_linear_to_ulaw(sum - levels[voice]);
    }
}

uint32_t rt_loudness(const uint8_t *frame, size_t size) {
    uint64_t sum = 0;
    for (size_t at = 0; at < size; at++) {
        int level = rt_ulaw_to_linear(frame[at]);
        sum += (uint64_t)(level < 0 ? -level : level);
    }
    return size ? (uint32_t)(sum / size) : 0;
}
