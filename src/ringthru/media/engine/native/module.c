#include "python.h" /* first, as Python asks */

#include <errno.h>
#include <unistd.h>

#ifndef RT_SOURCES
#define RT_SOURCES "" /* compiled by hand: see native_sources.py */
#endif

static PyObject *loop_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    (void)args, (void)keywords;
    LoopObject *self = (LoopObject *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    int error = rt_loop_begin(&self->loop);
    if (error) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void end(LoopObject *self) {
    Py_BEGIN_ALLOW_THREADS
    rt_loop_end(&self->loop);
    Py_END_ALLOW_THREADS
}

static void loop_dealloc(LoopObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    end(self); /* no leg is left: each holds on to its loop */
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *loop_close(LoopObject *self, PyObject *unused) {
    (void)unused;
    if (self->loop.legs)
        return PyErr_Format(PyExc_RuntimeError, "%zu legs are open", self->loop.legs);
    end(self);
    Py_RETURN_NONE;
}

static PyObject *loop_told(LoopObject *self, PyObject *unused) {
    (void)unused;
    return PyLong_FromLong(self->loop.told);
}

static PyObject *loop_busy(LoopObject *self, PyObject *unused) {
    (void)unused;
    return PyFloat_FromDouble(self->loop.busy);
}

/* The events of one leg, as (number, tuple) each; -1: no memory. */
static int drain_leg(PyObject *list, rt_leg *leg) {
    rt_event event;
    while (rt_stream_take_event(&leg->stream, &event)) {
        PyObject *entry = Py_BuildValue("(KN)", (unsigned long long)leg->number, rt_event_tuple(&event));
        if (entry == NULL || PyList_Append(list, entry) < 0) {
            Py_XDECREF(entry);
            return -1;
        }
        Py_DECREF(entry);
    }
    return 0;
}

static PyObject *loop_drain(LoopObject *self, PyObject *unused) {
    (void)unused;
    PyObject *list = PyList_New(0);
    uint64_t count;
    rt_leg *leg;
    int failed = list == NULL;
    if (failed || !self->loop.running)
        return list;
    rt_loop_lock(&self->loop);
    ssize_t taken = read(self->loop.told, &count, sizeof count);
    (void)taken;
    while (!failed && (leg = rt_loop_next_told(&self->loop)) != NULL)
        failed = drain_leg(list, leg) < 0;
    rt_loop_unlock(&self->loop);
    if (failed)
        Py_CLEAR(list);
    return list;
}

static PyMethodDef loop_methods[] = {
    {"told", (PyCFunction)loop_told, METH_NOARGS, "The descriptor that is readable while there are events."},
    {"drain", (PyCFunction)loop_drain, METH_NOARGS, "All events since the last time, as (leg's number, event)."},
    {"busy", (PyCFunction)loop_busy, METH_NOARGS, "The share of one core that was used lately, 0 to 1."},
    {"close", (PyCFunction)loop_close, METH_NOARGS, "End the thread; every leg must be closed."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot loop_slots[] = {
    {Py_tp_doc, "A thread that moves the packets of its legs."},
    {Py_tp_new, loop_new},
    {Py_tp_dealloc, loop_dealloc},
    {Py_tp_methods, loop_methods},
    {0, NULL},
};

PyType_Spec rt_loop_spec = {
    .name = "ringthru.media.engine._native.Loop",
    .basicsize = sizeof(LoopObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = loop_slots,
};

static int add_type(PyObject *module, PyType_Spec *spec) {
    PyObject *type = PyType_FromSpec(spec);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return failed;
}

static int fill(PyObject *module) {
    if (add_type(module, &rt_loop_spec) < 0 || add_type(module, &rt_leg_spec) < 0)
        return -1;
    if (PyModule_AddStringConstant(module, "SOURCES", RT_SOURCES) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "NO_TYPE", RT_NO_TYPE);
}

static PyMethodDef functions[] = {
    {"mix", rt_python_mix, METH_O, "The sum of 1 to 16 frames of µ-law, and for each of them that of all others."},
    {"loudness", rt_python_loudness, METH_O, "The mean magnitude of a frame of µ-law, of 32124 at most."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "The media engine in C; see native_driver.py.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module); }
