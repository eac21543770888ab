#include "latch.h"

void rt_latch_learn(rt_latch *latch, const rt_address *target, unsigned threshold) {
    latch->proven = latch->proven && rt_same_address(target, &latch->target);
    latch->target = *target;
    latch->threshold = (uint8_t)threshold;
    latch->learning = true;
    latch->seen = latch->next = 0;
}

bool rt_latch_follow(rt_latch *latch, const rt_address *source) {
    if (latch->fixed)
        return false;
    unsigned window = 2u * latch->threshold;
    latch->strangers[latch->next] = *source;
    latch->next = (uint8_t)((latch->next + 1) % window);
    if (latch->seen < window)
        latch->seen++;
    unsigned same = 0;
    for (unsigned index = 0; index < latch->seen; index++)
        same += rt_same_address(&latch->strangers[index], source);
    if (same < latch->threshold)
        return false;
    latch->was = latch->target;
    latch->target = *source;
    latch->learning = false;
    latch->proven = true;
    latch->seen = latch->next = 0;
    return true;
}

bool rt_latch_judge(rt_latch *latch, const rt_address *source, bool comfort_noise, rt_learned *learned) {
    *learned = RT_NOTHING_LEARNED;
    bool known = rt_same_address(source, &latch->target);
    if (!latch->learning || (latch->fixed && !known))
        return known;
    if (comfort_noise)
        return true; /* a device may send it from elsewhere; it proves nothing */
    if (known) {
        latch->learning = false;
        latch->proven = true;
        *learned = RT_LEARNED_CONFIRMED;
    } else if (rt_latch_follow(latch, source)) {
        *learned = RT_LEARNED_ELSEWHERE;
    }
    return true;
}

rt_learned rt_latch_nominate(rt_latch *latch, const rt_address *source) {
    bool moved = !rt_same_address(&latch->target, source), learning = latch->learning;
    latch->was = latch->target;
    latch->target = *source;
    latch->learning = false;
    latch->proven = true;
    latch->seen = latch->next = 0;
    if (moved)
        return RT_LEARNED_ELSEWHERE;
    return learning ? RT_LEARNED_CONFIRMED : RT_NOTHING_LEARNED;
}
