#include "python.h" /* first, as Python asks */

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <net/if.h>

/* Addresses */

static bool read_address(const char *host, int port, rt_address *address) {
    char bare[INET6_ADDRSTRLEN];
    const char *scope = strchr(host, '%');
    size_t size = scope ? (size_t)(scope - host) : strlen(host);
    *address = (rt_address){.port = (uint16_t)port};
    if (size < sizeof bare) {
        memcpy(bare, host, size);
        bare[size] = 0;
        if (inet_pton(AF_INET, bare, address->host) == 1)
            address->family = RT_IPV4;
        else if (inet_pton(AF_INET6, bare, address->host) == 1)
            address->family = RT_IPV6;
    }
    if (scope)
        address->scope = if_nametoindex(scope + 1);
    if (address->family == RT_NO_ADDRESS)
        PyErr_Format(PyExc_ValueError, "no IP address: %s", host);
    return address->family != RT_NO_ADDRESS;
}

static PyObject *address_tuple(const rt_address *address) {
    char host[INET6_ADDRSTRLEN] = "";
    if (address->family == RT_NO_ADDRESS)
        Py_RETURN_NONE;
    inet_ntop(address->family == RT_IPV4 ? AF_INET : AF_INET6, address->host, host, sizeof host);
    return Py_BuildValue("(si)", host, address->port);
}

PyObject *rt_event_tuple(const rt_event *event) {
    return Py_BuildValue("(iiOIdNN)", event->kind, event->number, event->rtcp ? Py_True : Py_False, event->amount,
                         event->seconds, address_tuple(&event->was), address_tuple(&event->now));
}

/* Before and after anything is asked of a leg. Its thread never takes Python's lock, so we may wait for it here. */

static double enter(LegObject *self) {
    if (self->leg.loop == NULL)
        return self->now;
    rt_loop_lock(self->leg.loop);
    return rt_now();
}

static void leave(LegObject *self) {
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
    double now = enter(self);
    rt_loop *loop = self->leg.loop;
    part(self);
    if (!self->leg.stream.closed)
        rt_stream_close(&self->leg.stream, now);
    if (loop) {
        rt_loop_remove(loop, &self->leg);
        rt_loop_unlock(loop);
    }
    Py_CLEAR(self->sound);
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
    const char *rtp, *rtcp;
    int rtp_port, rtcp_port, ptime, codec, sent, heard, sent_event, heard_event, sends, receives, mux, first;
    unsigned clock_rate;
    rt_agreed agreed = {0};
    if (!PyArg_ParseTuple(args, "sisiIiiiiiipppp", &rtp, &rtp_port, &rtcp, &rtcp_port, &clock_rate, &ptime,
                          &codec, &sent, &heard, &sent_event, &heard_event, &sends, &receives, &mux, &first) ||
        !read_address(rtp, rtp_port, &agreed.remote_rtp) || !read_address(rtcp, rtcp_port, &agreed.remote_rtcp))
        return NULL;
    agreed.clock_rate = clock_rate;
    agreed.ptime = (uint16_t)ptime;
    agreed.codec = (uint8_t)codec;
    agreed.sent_type = (uint8_t)sent;
    agreed.heard_type = (uint8_t)heard;
    agreed.sent_event = (uint8_t)sent_event;
    agreed.heard_event = (uint8_t)heard_event;
    agreed.sends = sends;
    agreed.receives = receives;
    agreed.mux = mux;
    double now = enter(self);
    rt_stream_connect(&self->leg.stream, &agreed, first, now);
    leave(self);
    Py_RETURN_NONE;
}

static PyObject *leg_press(LegObject *self, PyObject *args) {
    int event, milliseconds;
    if (!PyArg_ParseTuple(args, "ii", &event, &milliseconds))
        return NULL;
    double now = enter(self);
    unsigned length = milliseconds < 0 ? 0 : (unsigned)milliseconds;
    bool pressed = rt_stream_press(&self->leg.stream, (uint8_t)event, length, now);
    leave(self);
    return PyBool_FromLong(pressed);
}

static PyObject *leg_unbridge(LegObject *self, PyObject *unused) {
    (void)unused;
    enter(self);
    part(self);
    leave(self);
    Py_RETURN_NONE;
}

static PyObject *leg_bridge(LegObject *self, PyObject *argument) {
    if (Py_TYPE(argument) != Py_TYPE((PyObject *)self))
        return PyErr_Format(PyExc_TypeError, "not a leg of this engine");
    LegObject *other = (LegObject *)argument;
    if (other == self || other->loop != self->loop)
        return PyErr_Format(PyExc_ValueError, "not another leg of this loop");
    enter(self); /* one lock for both */
    part(self);
    part(other);
    rt_stream_hush(&self->leg.stream);
    rt_stream_hush(&other->leg.stream);
    rt_stream_set_sink(&self->leg.stream, RT_SINK_STREAM, &other->leg.stream);
    rt_stream_set_sink(&other->leg.stream, RT_SINK_STREAM, &self->leg.stream);
    self->partner = other;
    other->partner = self;
    leave(self);
    Py_CLEAR(self->sound);
    Py_CLEAR(other->sound);
    Py_RETURN_NONE;
}

static PyObject *leg_echo(LegObject *self, PyObject *argument) {
    int on = PyObject_IsTrue(argument);
    enter(self);
    part(self);
    rt_stream_hush(&self->leg.stream);
    rt_stream_set_sink(&self->leg.stream, on ? RT_SINK_STREAM : RT_SINK_NONE, on ? &self->leg.stream : NULL);
    leave(self);
    Py_CLEAR(self->sound);
    Py_RETURN_NONE;
}

static PyObject *leg_delay_echo(LegObject *self, PyObject *argument) {
    double delay = PyFloat_AsDouble(argument);
    if (PyErr_Occurred())
        return NULL;
    double now = enter(self);
    part(self);
    bool room = rt_stream_late_echo(&self->leg.stream, delay, now);
    leave(self);
    Py_CLEAR(self->sound);
    if (!room)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *leg_block(LegObject *self, PyObject *args) {
    int media, keys;
    if (!PyArg_ParseTuple(args, "pp", &media, &keys))
        return NULL;
    enter(self);
    self->leg.stream.blocks_media = media;
    self->leg.stream.blocks_keys = keys;
    leave(self);
    Py_RETURN_NONE;
}

/* What it says and keeps */

static PyObject *leg_play(LegObject *self, PyObject *args) {
    PyObject *octets;
    unsigned times;
    char *data;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "SI", &octets, &times) || PyBytes_AsStringAndSize(octets, &data, &size) < 0)
        return NULL;
    Py_INCREF(octets);
    double now = enter(self);
    rt_stream_play(&self->leg.stream, (const uint8_t *)data, (size_t)size, times, now);
    leave(self);
    PyObject *before = self->sound;
    self->sound = octets;
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

static PyObject *leg_hush(LegObject *self, PyObject *unused) {
    (void)unused;
    enter(self);
    rt_stream_hush(&self->leg.stream);
    leave(self);
    Py_CLEAR(self->sound);
    Py_RETURN_NONE;
}

static PyObject *leg_feed(LegObject *self, PyObject *unused) {
    (void)unused;
    double now = enter(self);
    bool room = rt_stream_feed(&self->leg.stream, now);
    leave(self);
    Py_CLEAR(self->sound);
    if (!room)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *leg_write(LegObject *self, PyObject *args) {
    const char *frame;
    Py_ssize_t size;
    unsigned samples;
    if (!PyArg_ParseTuple(args, "y#I", &frame, &size, &samples))
        return NULL;
    enter(self);
    bool taken = rt_stream_write(&self->leg.stream, (const uint8_t *)frame, (size_t)size, samples);
    leave(self);
    return PyBool_FromLong(taken);
}

static PyObject *leg_finish(LegObject *self, PyObject *unused) {
    (void)unused;
    enter(self);
    self->leg.stream.feed_finished = true;
    leave(self);
    Py_RETURN_NONE;
}

enum { TAP_OCTETS = 128 << 10 };

static PyObject *leg_open_tap(LegObject *self, PyObject *unused) {
    (void)unused;
    int found = -1, free_one = 0;
    enter(self);
    for (; free_one < RT_MAX_TAPS && self->leg.stream.taps[free_one].octets; free_one++)
        ;
    if (free_one < RT_MAX_TAPS && rt_ring_open(&self->leg.stream.taps[free_one], TAP_OCTETS))
        found = free_one;
    leave(self);
    return PyLong_FromLong(found);
}

static rt_ring *tap_of(LegObject *self, PyObject *argument) {
    long index = PyLong_AsLong(argument);
    if (!PyErr_Occurred() && (index < 0 || index >= RT_MAX_TAPS))
        PyErr_Format(PyExc_IndexError, "no tap %ld", index);
    return PyErr_Occurred() ? NULL : &self->leg.stream.taps[index];
}

/* One frame at a time is copied under the lock, so that no allocation of Python's holds up the packets. */
static PyObject *leg_read_tap(LegObject *self, PyObject *argument) {
    rt_ring *tap = tap_of(self, argument);
    PyObject *list = tap ? PyList_New(0) : NULL;
    uint8_t payload[RT_MAX_DATAGRAM];
    rt_frame frame;
    for (bool more = list != NULL; more;) {
        enter(self);
        more = rt_ring_take(tap, &frame, payload);
        leave(self);
        PyObject *entry =
            more ? Py_BuildValue("(iIy#)", frame.codec, frame.timestamp, payload, (Py_ssize_t)frame.size) : NULL;
        if (more && (entry == NULL || PyList_Append(list, entry) < 0)) {
            more = false;
            Py_CLEAR(list);
        }
        Py_XDECREF(entry);
    }
    return list;
}

static PyObject *leg_tap_dropped(LegObject *self, PyObject *argument) {
    rt_ring *tap = tap_of(self, argument);
    return tap ? PyLong_FromUnsignedLong(tap->dropped) : NULL;
}

static PyObject *leg_close_tap(LegObject *self, PyObject *argument) {
    rt_ring *tap = tap_of(self, argument);
    if (tap == NULL)
        return NULL;
    enter(self);
    rt_ring_close(tap);
    leave(self);
    Py_RETURN_NONE;
}

/* Showing */

static PyObject *number_or_none(bool any, double number) {
    if (!any)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(number);
}

static PyObject *leg_report(LegObject *self, PyObject *unused) {
    (void)unused;
    static const rt_address nowhere;
    enter(self);
    rt_stream stream = self->leg.stream; /* a copy, so that nobody waits while values are made of it */
    leave(self);
    const rt_reporter *reporter = &stream.reporter;
    const rt_source *source = &reporter->source;
    const rt_address *target = rt_stream_target(&stream, false);
    double jitter = reporter->has_source ? (double)source->jitter / 16 * 1000 / source->clock_rate : 0.0;
    return Py_BuildValue("(KKKKKLNdNINN)", (unsigned long long)reporter->packets,
                         (unsigned long long)stream.sender.packets, (unsigned long long)reporter->octets,
                         (unsigned long long)stream.sender.octets, (unsigned long long)reporter->dropped,
                         (long long)rt_reporter_lost(reporter),
                         reporter->has_remote_lost ? PyLong_FromLong(reporter->remote_lost)
                                                   : number_or_none(false, 0),
                         jitter, number_or_none(reporter->has_round_trip, reporter->round_trip * 1000),
                         stream.sender.ssrc,
                         reporter->has_source ? PyLong_FromUnsignedLong(source->ssrc) : number_or_none(false, 0),
                         address_tuple(target ? target : &nowhere));
}

/* Without a loop: bytes and time come from the caller. */

static PyObject *leg_receive(LegObject *self, PyObject *args) {
    int rtcp, port;
    const char *data, *host;
    Py_ssize_t size;
    rt_address source;
    if (!PyArg_ParseTuple(args, "py#(si)d", &rtcp, &data, &size, &host, &port, &self->now) ||
        !read_address(host, port, &source))
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
    return number_or_none(when < INFINITY, when);
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
