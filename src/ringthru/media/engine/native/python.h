/* What Python sees: a Loop, and Legs of it; or Legs without one, under a clock of the caller's. */
#ifndef RINGTHRU_PYTHON_H
#define RINGTHRU_PYTHON_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "loop.h"

typedef struct {
    PyObject_HEAD
    rt_loop loop;
} LoopObject;

typedef struct LegObject {
    PyObject_HEAD
    rt_leg leg;
    LoopObject *loop;          /* NULL: none, and no sockets */
    PyObject *sent;            /* then: a list of what left, as (rtcp, bytes) */
    double now;                /* and then: what time it is */
    PyObject *sessions;        /* of SRTP: they must stay while C may use them */
    PyObject *sound;           /* what is played: its octets must stay */
    struct LegObject *partner; /* in a bridge */
} LegObject;

extern PyType_Spec rt_loop_spec, rt_leg_spec;

/* Before and after anything is asked of a leg. Its thread never takes Python's lock, so we may wait for it. */
double rt_leg_enter(LegObject *self); /* returns the time */
void rt_leg_leave(LegObject *self);

/* values.c */

bool rt_read_address(const char *host, int port, rt_address *address); /* false: an exception is set */
PyObject *rt_number_or_none(bool any, double number);
PyObject *rt_event_tuple(const rt_event *event); /* kind, number, rtcp, amount, seconds, was, now */
PyObject *rt_report_tuple(const rt_stream *stream); /* the fields of LegReport */

/* mixing_functions.c */

PyObject *rt_python_mix(PyObject *module, PyObject *list);
PyObject *rt_python_loudness(PyObject *module, PyObject *frame);

/* leg_srtp.c */

PyObject *leg_secure(LegObject *self, PyObject *args);

/* leg_sound.c */

PyObject *leg_play(LegObject *self, PyObject *args);
PyObject *leg_hush(LegObject *self, PyObject *unused);
PyObject *leg_feed(LegObject *self, PyObject *unused);
PyObject *leg_write(LegObject *self, PyObject *args);
PyObject *leg_finish(LegObject *self, PyObject *unused);
PyObject *leg_open_tap(LegObject *self, PyObject *unused);
PyObject *leg_read_tap(LegObject *self, PyObject *argument);
PyObject *leg_tap_dropped(LegObject *self, PyObject *argument);
PyObject *leg_close_tap(LegObject *self, PyObject *argument);

#endif
