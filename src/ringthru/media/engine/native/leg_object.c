#include "python.h" /* first, as Python asks */

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* Before and after anything is asked of a leg. Its thread never takes Python's lock, so we may wait for it here. */

double rt_leg_enter(LegObject *self) {
    if (self->leg.loop == NULL)
        return self->now;
    rt_loop_lock(self->leg.loop);
    return rt_now();
}

void rt_leg_leave(LegObject *self) {
    rt_loop *loop = self->leg.loop;
    if (loop == NULL)
        return;
    rt_loop_changed(&self->leg);
    rt_loop_unlock(loop);
}

static void keep_sent(rt_stream *stream, bool rtcp, const uint8_t *data, size_t size) {
    LegObject *self = (LegObject *)((char *)stream - offsetof(LegObject, leg));
    PyObject *entry = Py_BuildValue("(Oy#)", rtcp ? Py_True : Py_False, data, (Py_ssize_t)size);
    if (entry == NULL || PyList_Append(self->sent, entry) < 0)
        PyErr_Clear(); /* only tests come here */
    Py_XDECREF(entry);
}

/* Life */

static PyObject *leg_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"loop", "number", "rtp", "rtcp", "ssrc", "sequence", "timestamp", "cname",
                            "seed", "ntp_offset", "rtp_timeout", "hold_timeout", NULL};
    PyObject *loop;
    unsigned long long number, seed;
    int rtp, rtcp;
    unsigned ssrc, sequence, timestamp;
    const char *cname;
    double ntp_offset, rtp_timeout, hold_timeout;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OKiiIIIsKddd", names, &loop, &number, &rtp, &rtcp, &ssrc,
                                     &sequence, &timestamp, &cname, &seed, &ntp_offset, &rtp_timeout,
                                     &hold_timeout))
        return NULL;
    LegObject *self = (LegObject *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    rt_stream *stream = &self->leg.stream;
    rt_stream_begin(stream, keep_sent);
    rt_sender_begin(&stream->sender, ssrc, (uint16_t)sequence, timestamp);
    rt_reporter_begin(&stream->reporter, &stream->sender, cname, seed, ntp_offset);
    stream->rtp_timeout = rtp_timeout;
    stream->hold_timeout = hold_timeout;
    self->leg.number = number;
    self->leg.rtp = rtp;
    self->leg.rtcp = rtcp;
    if (loop == Py_None) {
        self->sent = PyList_New(0);
        return (PyObject *)self;
    }
    rt_loop *theirs = &((LoopObject *)loop)->loop;
    rt_loop_lock(theirs);
    int error = rt_loop_add(theirs, &self->leg);
    rt_loop_unlock(theirs);
    if (error) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(self);
        return NULL;
    }
    Py_INCREF(loop);
    self->loop = (LoopObject *)loop;
    return (PyObject *)self;
}

static void part(LegObject *self) {
    LegObject *other = self->partner;
    if (other == NULL)
        return;
    self->partner = other->partner = NULL;
    rt_stream_set_sink(&self->leg.stream, RT_SINK_NONE, NULL);
    rt_stream_set_sink(&other->leg.stream, RT_SINK_NONE, NULL);
}

static void shut(LegObject *self) {
    double now = rt_leg_enter(self);
    rt_loop *loop = self->leg.loop;
    part(self);
    if (!self->leg.stream.closed)
        rt_stream_close(&self->leg.stream, now);
    if (loop)
        rt_loop_remove(loop, &self->leg);
    rt_stream_secure(&self->leg.stream, &(rt_srtp){0});
    if (loop)
        rt_loop_unlock(loop);
    Py_CLEAR(self->sound);
    Py_CLEAR(self->sessions);
}

static void leg_dealloc(LegObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    if (self->loop || self->sent)
        shut(self);
    rt_stream_end(&self->leg.stream);
    Py_XDECREF((PyObject *)self->loop);
    Py_XDECREF(self->sent);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *leg_close(LegObject *self, PyObject *unused) {
    (void)unused;
    shut(self);
    Py_RETURN_NONE;
}

/* What the switch decides */

static PyObject *leg_connect(LegObject *self, PyObject *args) {
    const char *rtp, *rtcp, *ice;
    int rtp_port, rtcp_port, ptime, codec, sent, heard, sent_event, heard_event, sends, receives, mux, fixed, after,
        first;
    unsigned clock_rate, event_rate;
    rt_agreed agreed = {0};
    if (!PyArg_ParseTuple(args, "sisiIIiiiiiipppspip", &rtp, &rtp_port, &rtcp, &rtcp_port, &clock_rate, &event_rate, &ptime,
                          &codec, &sent, &heard, &sent_event, &heard_event, &sends, &receives, &mux, &ice, &fixed, &after,
                          &first) ||
        !rt_read_address(rtp, rtp_port, &agreed.remote_rtp) || !rt_read_address(rtcp, rtcp_port, &agreed.remote_rtcp))
        return NULL;
    agreed.clock_rate = clock_rate;
    agreed.event_rate = event_rate ? event_rate : 8000;
    agreed.ptime = (uint16_t)ptime;
    agreed.codec = (uint8_t)codec;
    agreed.sent_type = (uint8_t)sent;
    agreed.heard_type = (uint8_t)heard;
    agreed.sent_event = (uint8_t)sent_event;
    agreed.heard_event = (uint8_t)heard_event;
    agreed.sends = sends;
    agreed.receives = receives;
    agreed.mux = mux;
    agreed.fixed = fixed;
    agreed.learns_after = (uint8_t)(after < 1 ? 1 : after > RT_MOST_THRESHOLD ? RT_MOST_THRESHOLD : after);
    snprintf(agreed.ice, sizeof agreed.ice, "%s", ice);
    double now = rt_leg_enter(self);
    rt_stream_connect(&self->leg.stream, &agreed, first, now);
    rt_leg_leave(self);
    Py_RETURN_NONE;
}

static PyObject *leg_press(LegObject *self, PyObject *args) {
    int event, milliseconds;
    if (!PyArg_ParseTuple(args, "ii", &event, &milliseconds))
        return NULL;
    double now = rt_leg_enter(self);
    unsigned length = milliseconds < 0 ? 0 : (unsigned)milliseconds;
    bool pressed = rt_stream_press(&self->leg.stream, (uint8_t)event, length, now);
    rt_leg_leave(self);
    return PyBool_FromLong(pressed);
}

static PyObject *leg_unbridge(LegObject *self, PyObject *unused) {
    (void)unused;
    rt_leg_enter(self);
    part(self);
    rt_leg_leave(self);
    Py_RETURN_NONE;
}

static PyObject *leg_bridge(LegObject *self, PyObject *argument) {
    if (Py_TYPE(argument) != Py_TYPE((PyObject *)self))
        return PyErr_Format(PyExc_TypeError, "not a leg of this engine");
    LegObject *other = (LegObject *)argument;
    if (other == self || other->loop != self->loop)
        return PyErr_Format(PyExc_ValueError, "not another leg of this loop");
    rt_leg_enter(self); /* one lock for both */
    part(self);
    part(other);
    rt_stream_hush(&self->leg.stream);
    rt_stream_hush(&other->leg.stream);
    rt_stream_set_sink(&self->leg.stream, RT_SINK_STREAM, &other->leg.stream);
    rt_stream_set_sink(&other->leg.stream, RT_SINK_STREAM, &self->leg.stream);
    self->partner = other;
    other->partner = self;
    rt_leg_leave(self);
    Py_CLEAR(self->sound);
    Py_CLEAR(other->sound);
    Py_RETURN_NONE;
}

static PyObject *leg_echo(LegObject *self, PyObject *argument) {
    int on = PyObject_IsTrue(argument);
    rt_leg_enter(self);
    part(self);
    rt_stream_hush(&self->leg.stream);
    rt_stream_set_sink(&self->leg.stream, on ? RT_SINK_STREAM : RT_SINK_NONE, on ? &self->leg.stream : NULL);
    rt_leg_leave(self);
    Py_CLEAR(self->sound);
    Py_RETURN_NONE;
}

static PyObject *leg_delay_echo(LegObject *self, PyObject *argument) {
    double delay = PyFloat_AsDouble(argument);
    if (PyErr_Occurred())
        return NULL;
    double now = rt_leg_enter(self);
    part(self);
    bool room = rt_stream_late_echo(&self->leg.stream, delay, now);
    rt_leg_leave(self);
    Py_CLEAR(self->sound);
    if (!room)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *leg_block(LegObject *self, PyObject *args) {
    int media, keys;
    if (!PyArg_ParseTuple(args, "pp", &media, &keys))
        return NULL;
    rt_leg_enter(self);
    self->leg.stream.blocks_media = media;
    self->leg.stream.blocks_keys = keys;
    rt_leg_leave(self);
    Py_RETURN_NONE;
}

/* The oldest STUN datagram that an event told of. */
static PyObject *leg_take_check(LegObject *self, PyObject *unused) {
    (void)unused;
    uint8_t data[RT_MAX_DATAGRAM];
    rt_frame frame = {0};
    rt_leg_enter(self);
    rt_ring *checks = &self->leg.stream.checks;
    bool any = checks->octets && rt_ring_take(checks, &frame, data);
    rt_leg_leave(self);
    return PyBytes_FromStringAndSize((const char *)data, any ? frame.size : 0);
}

static PyObject *leg_nominate(LegObject *self, PyObject *args) {
    const char *host;
    int rtcp, port;
    rt_address source;
    if (!PyArg_ParseTuple(args, "psi", &rtcp, &host, &port) || !rt_read_address(host, port, &source))
        return NULL;
    rt_leg_enter(self);
    rt_stream_nominate(&self->leg.stream, rtcp, &source);
    rt_leg_leave(self);
    Py_RETURN_NONE;
}

/* Showing */

static PyObject *leg_report(LegObject *self, PyObject *unused) {
    (void)unused;
    rt_leg_enter(self);
    rt_stream stream = self->leg.stream; /* a copy, so that nobody waits while values are made of it */
    rt_leg_leave(self);
    return rt_report_tuple(&stream);
}

/* Without a loop: bytes and time come from the caller. */

static PyObject *leg_receive(LegObject *self, PyObject *args) {
    int rtcp, port;
    const char *data, *host;
    Py_ssize_t size;
    rt_address source;
    if (!PyArg_ParseTuple(args, "py#(si)d", &rtcp, &data, &size, &host, &port, &self->now) ||
        !rt_read_address(host, port, &source))
        return NULL;
    (rtcp ? rt_stream_receive_rtcp : rt_stream_receive_rtp)(&self->leg.stream, (const uint8_t *)data,
                                                            (size_t)size, &source, self->now);
    Py_RETURN_NONE;
}

static PyObject *leg_handle_timeout(LegObject *self, PyObject *argument) {
    self->now = PyFloat_AsDouble(argument);
    if (PyErr_Occurred())
        return NULL;
    rt_stream_handle_timeout(&self->leg.stream, self->now);
    Py_RETURN_NONE;
}

static PyObject *leg_set_now(LegObject *self, PyObject *argument) {
    self->now = PyFloat_AsDouble(argument);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *leg_next_timeout(LegObject *self, PyObject *unused) {
    (void)unused;
    double when = rt_stream_next_timeout(&self->leg.stream);
    return rt_number_or_none(when < INFINITY, when);
}

static PyObject *leg_take_sent(LegObject *self, PyObject *unused) {
    (void)unused;
    PyObject *taken = self->sent ? self->sent : PyList_New(0);
    if (self->sent)
        self->sent = PyList_New(0);
    return taken;
}

static PyObject *leg_take_events(LegObject *self, PyObject *unused) {
    (void)unused;
    PyObject *list = PyList_New(0);
    rt_event event;
    while (list && rt_stream_take_event(&self->leg.stream, &event)) {
        PyObject *entry = rt_event_tuple(&event);
        if (entry == NULL || PyList_Append(list, entry) < 0)
            Py_CLEAR(list);
        Py_XDECREF(entry);
    }
    return list;
}

#define METHOD(name, flags) {#name, (PyCFunction)leg_##name, flags, NULL}

static PyMethodDef leg_methods[] = {
    METHOD(connect, METH_VARARGS),
    METHOD(secure, METH_VARARGS),
    METHOD(press, METH_VARARGS),
    METHOD(bridge, METH_O),
    METHOD(unbridge, METH_NOARGS),
    METHOD(echo, METH_O),
    METHOD(delay_echo, METH_O),
    METHOD(block, METH_VARARGS),
    METHOD(play, METH_VARARGS),
    METHOD(hush, METH_NOARGS),
    METHOD(feed, METH_NOARGS),
    METHOD(write, METH_VARARGS),
    METHOD(finish, METH_NOARGS),
    METHOD(open_tap, METH_NOARGS),
    METHOD(read_tap, METH_O),
    METHOD(tap_dropped, METH_O),
    METHOD(close_tap, METH_O),
    METHOD(take_check, METH_NOARGS),
    METHOD(nominate, METH_VARARGS),
    METHOD(report, METH_NOARGS),
    METHOD(close, METH_NOARGS),
    METHOD(receive, METH_VARARGS),
    METHOD(handle_timeout, METH_O),
    METHOD(set_now, METH_O),
    METHOD(next_timeout, METH_NOARGS),
    METHOD(take_sent, METH_NOARGS),
    METHOD(take_events, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot leg_slots[] = {
    {Py_tp_doc, "One side of a call: of a loop, or under a clock of the caller's."},
    {Py_tp_new, leg_new},
    {Py_tp_dealloc, leg_dealloc},
    {Py_tp_methods, leg_methods},
    {0, NULL},
};

PyType_Spec rt_leg_spec = {
    .name = "ringthru.media.engine._native.Leg",
    .basicsize = sizeof(LegObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = leg_slots,
};
