/* G.711: from one law to the other, and silence. */
#ifndef RINGTHRU_G711_H
#define RINGTHRU_G711_H

#include <stddef.h>
#include <stdint.h>

/* Codecs by number; those we do not know by name have others, and pass through untouched. */
enum { RT_PCMU = 1, RT_PCMA = 2 };

void rt_ulaw_to_alaw(uint8_t *to, const uint8_t *from, size_t size);
void rt_alaw_to_ulaw(uint8_t *to, const uint8_t *from, size_t size);
uint8_t rt_silence_of(uint8_t codec);

#endif
