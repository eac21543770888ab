/* Several voices to one: the sums that a conference needs, in µ-law. */
#ifndef RINGTHRU_MIXING_H
#define RINGTHRU_MIXING_H

#include <stddef.h>
#include <stdint.h>

enum { RT_MOST_VOICES = 16 }; /* as MOST_VOICES of sound/mixing.py */

int16_t rt_ulaw_to_linear(uint8_t octet);
uint8_t rt_linear_to_ulaw(int32_t sample); /* what does not fit is clipped */

/* The sum of ``count`` frames, and for each of them the sum of all others; each of ``size`` octets. */
void rt_mix(uint8_t *everybody, uint8_t *const *apart, const uint8_t *const *frames, size_t count, size_t size);

/* The mean magnitude of a frame, of 32124 at most; 0 of none. */
uint32_t rt_loudness(const uint8_t *frame, size_t size);

#endif
