/* What a leg says and keeps, as Python asks for it. */
#include "python.h" /* first, as Python asks */

PyObject *leg_play(LegObject *self, PyObject *args) {
    PyObject *octets;
    unsigned times, start = 0;
    char *data;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "SI|I", &octets, &times, &start) ||
        PyBytes_AsStringAndSize(octets, &data, &size) < 0)
        return NULL;
    Py_INCREF(octets);
    double now = rt_leg_enter(self);
    rt_stream_play(&self->leg.stream, (const uint8_t *)data, (size_t)size, times, start, now);
    rt_leg_leave(self);
    PyObject *before = self->sound;
    self->sound = octets;
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

PyObject *leg_hush(LegObject *self, PyObject *unused) {
    (void)unused;
    rt_leg_enter(self);
    rt_stream_hush(&self->leg.stream);
    rt_leg_leave(self);
    Py_CLEAR(self->sound);
    Py_RETURN_NONE;
}

PyObject *leg_feed(LegObject *self, PyObject *unused) {
    (void)unused;
    double now = rt_leg_enter(self);
    bool room = rt_stream_feed(&self->leg.stream, now);
    rt_leg_leave(self);
    Py_CLEAR(self->sound);
    if (!room)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyObject *leg_write(LegObject *self, PyObject *args) {
    const char *frame;
    Py_ssize_t size;
    unsigned samples;
    if (!PyArg_ParseTuple(args, "y#I", &frame, &size, &samples))
        return NULL;
    rt_leg_enter(self);
    bool taken = rt_stream_write(&self->leg.stream, (const uint8_t *)frame, (size_t)size, samples);
    rt_leg_leave(self);
    return PyBool_FromLong(taken);
}

PyObject *leg_finish(LegObject *self, PyObject *unused) {
    (void)unused;
    rt_leg_enter(self);
    self->leg.stream.feed_finished = true;
    rt_leg_leave(self);
    Py_RETURN_NONE;
}

enum { TAP_OCTETS = 128 << 10 };

PyObject *leg_open_tap(LegObject *self, PyObject *unused) {
    (void)unused;
    int found = -1, free_one = 0;
    rt_leg_enter(self);
    for (; free_one < RT_MAX_TAPS && self->leg.stream.taps[free_one].octets; free_one++)
        ;
    if (free_one < RT_MAX_TAPS && rt_ring_open(&self->leg.stream.taps[free_one], TAP_OCTETS))
        found = free_one;
    rt_leg_leave(self);
    return PyLong_FromLong(found);
}

static rt_ring *tap_of(LegObject *self, PyObject *argument) {
    long index = PyLong_AsLong(argument);
    if (!PyErr_Occurred() && (index < 0 || index >= RT_MAX_TAPS))
        PyErr_Format(PyExc_IndexError, "no tap %ld", index);
    return PyErr_Occurred() ? NULL : &self->leg.stream.taps[index];
}

/* One frame at a time is copied under the lock, so that no allocation of Python's holds up the packets. */
PyObject *leg_read_tap(LegObject *self, PyObject *argument) {
    rt_ring *tap = tap_of(self, argument);
    PyObject *list = tap ? PyList_New(0) : NULL;
    uint8_t payload[RT_MAX_DATAGRAM];
    rt_frame frame;
    for (bool more = list != NULL; more;) {
        rt_leg_enter(self);
        more = rt_ring_take(tap, &frame, payload);
        rt_leg_leave(self);
        PyObject *entry =
            more ? Py_BuildValue("(iHIy#)", frame.codec, frame.sequence, frame.timestamp, payload,
                                 (Py_ssize_t)frame.size)
                 : NULL;
        if (more && (entry == NULL || PyList_Append(list, entry) < 0)) {
            more = false;
            Py_CLEAR(list);
        }
        Py_XDECREF(entry);
    }
    return list;
}

PyObject *leg_tap_dropped(LegObject *self, PyObject *argument) {
    rt_ring *tap = tap_of(self, argument);
    return tap ? PyLong_FromUnsignedLong(tap->dropped) : NULL;
}

PyObject *leg_close_tap(LegObject *self, PyObject *argument) {
    rt_ring *tap = tap_of(self, argument);
    if (tap == NULL)
        return NULL;
    rt_leg_enter(self);
    rt_ring_close(tap);
    rt_leg_leave(self);
    Py_RETURN_NONE;
}

