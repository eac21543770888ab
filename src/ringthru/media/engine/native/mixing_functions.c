/* The module's functions about voices: octets in, octets out, no leg and no thread. */
#include "python.h" /* first, as Python asks */

#include "mixing.h"

typedef struct {
    Py_ssize_t count, size;
    const uint8_t *frames[RT_MOST_VOICES];
    uint8_t *apart[RT_MOST_VOICES];
} Voices;

/* The octets of a list of frames of one length; they stay while the list does. -1: an exception is set. */
static int read_frames(PyObject *list, Voices *voices) {
    voices->count = PyList_Size(list);
    if (voices->count < 0)
        return -1;
    if (voices->count == 0 || voices->count > RT_MOST_VOICES) {
        PyErr_Format(PyExc_ValueError, "%zd voices; 1 to %d can be mixed", voices->count, RT_MOST_VOICES);
        return -1;
    }
    for (Py_ssize_t voice = 0; voice < voices->count; voice++) {
        char *octets;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(PyList_GetItem(list, voice), &octets, &size) < 0)
            return -1;
        if (voice && size != voices->size) {
            PyErr_Format(PyExc_ValueError, "a voice of %zd octets beside one of %zd", size, voices->size);
            return -1;
        }
        voices->size = size;
        voices->frames[voice] = (const uint8_t *)octets;
    }
    return 0;
}

static PyObject *new_frame(Py_ssize_t size, uint8_t **octets) {
    PyObject *frame = PyBytes_FromStringAndSize(NULL, size);
    if (frame != NULL)
        *octets = (uint8_t *)PyBytes_AsString(frame);
    return frame;
}

PyObject *rt_python_mix(PyObject *module, PyObject *list) {
    (void)module;
    Voices voices = {0};
    uint8_t *sum;
    if (read_frames(list, &voices) < 0)
        return NULL;
    PyObject *apart = PyList_New(voices.count), *everybody = apart ? new_frame(voices.size, &sum) : NULL;
    int failed = everybody == NULL;
    for (Py_ssize_t voice = 0; !failed && voice < voices.count; voice++) {
        PyObject *frame = new_frame(voices.size, &voices.apart[voice]);
        failed = frame == NULL || PyList_SetItem(apart, voice, frame) < 0;
    }
    if (failed) {
        Py_XDECREF(apart);
        Py_XDECREF(everybody);
        return NULL;
    }
    rt_mix(sum, voices.apart, voices.frames, (size_t)voices.count, (size_t)voices.size);
    return Py_BuildValue("(NN)", everybody, apart);
}

PyObject *rt_python_loudness(PyObject *module, PyObject *frame) {
    (void)module;
    char *octets;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(frame, &octets, &size) < 0)
        return NULL;
    return PyLong_FromUnsignedLong(rt_loudness((const uint8_t *)octets, (size_t)size));
}
