#include "python.h" /* first, as Python asks */

static void *pointer_of(unsigned long long address) { return (void *)(uintptr_t)address; }

/* The functions of libsrtp, our session, the peer's and the one before it, and what keeps them all alive. */
PyObject *leg_secure(LegObject *self, PyObject *args) {
    unsigned long long calls[4], sending;
    struct {
        unsigned long long session;
        int mki, rtp, rtcp;
    } keys[2];
    PyObject *sessions;
    rt_srtp srtp = {0};
    if (!PyArg_ParseTuple(args, "(KKKK)K(Kiii)(Kiii)O", &calls[0], &calls[1], &calls[2], &calls[3], &sending,
                          &keys[0].session, &keys[0].mki, &keys[0].rtp, &keys[0].rtcp, &keys[1].session,
                          &keys[1].mki, &keys[1].rtp, &keys[1].rtcp, &sessions))
        return NULL;
    for (int index = 0; index < 4; index++)
        srtp.calls[index] = (rt_srtp_call)(uintptr_t)calls[index];
    srtp.sending = pointer_of(sending);
    rt_srtp_key *places[] = {&srtp.hearing, &srtp.before};
    for (int index = 0; index < 2; index++)
        *places[index] = (rt_srtp_key){.session = pointer_of(keys[index].session),
                                       .mki = (uint8_t)keys[index].mki,
                                       .tails = {(uint8_t)keys[index].rtp, (uint8_t)keys[index].rtcp}};
    rt_leg_enter(self);
    rt_stream_secure(&self->leg.stream, &srtp);
    rt_leg_leave(self);
    PyObject *before = self->sessions;
    Py_INCREF(sessions);
    self->sessions = sessions;
    Py_XDECREF(before);
    Py_RETURN_NONE;
}
