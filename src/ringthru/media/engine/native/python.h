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
    PyObject *sound;           /* what is played: its octets must stay */
    struct LegObject *partner; /* in a bridge */
} LegObject;

extern PyType_Spec rt_loop_spec, rt_leg_spec;

/* The event as a tuple: kind, number, rtcp, amount, seconds, was, now; addresses are (host, port). */
PyObject *rt_event_tuple(const rt_event *event);

#endif
