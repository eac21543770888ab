/* Values that cross the border to Python, in both directions. */
#include "python.h" /* first, as Python asks */

#include <arpa/inet.h>
#include <net/if.h>

bool rt_read_address(const char *host, int port, rt_address *address) {
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

PyObject *rt_number_or_none(bool any, double number) {
    if (!any)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(number);
}

static double milliseconds(double units, uint32_t clock_rate) { return units * 1000 / clock_rate; }

static PyObject *remote_jitter(const rt_reporter *reporter) {
    if (!reporter->remote_reports)
        Py_RETURN_NONE;
    double mean = (double)reporter->remote_jitter / (double)reporter->remote_reports;
    return PyFloat_FromDouble(milliseconds(mean, reporter->sender->clock_rate));
}

/* What the figure of the quality needs besides: a tuple of the last fields of LegReport. */
static PyObject *quality_tuple(const rt_reporter *reporter) {
    static const rt_source silent = {.clock_rate = 1};
    const rt_source *source = reporter->has_source ? &reporter->source : &silent;
    return Py_BuildValue("(LdddNN)", (long long)(reporter->runs_before + source->loss_runs),
                         milliseconds(rt_source_mean_jitter(source), source->clock_rate),
                         milliseconds((double)source->least_jitter / 16, source->clock_rate),
                         milliseconds((double)source->most_jitter / 16, source->clock_rate),
                         reporter->has_remote_lost ? PyLong_FromUnsignedLongLong(reporter->remote_expected)
                                                   : rt_number_or_none(false, 0),
                         remote_jitter(reporter));
}

PyObject *rt_report_tuple(const rt_stream *stream) {
    static const rt_address nowhere;
    const rt_reporter *reporter = &stream->reporter;
    const rt_source *source = &reporter->source;
    const rt_address *target = rt_stream_target(stream, false);
    double jitter = reporter->has_source ? (double)source->jitter / 16 * 1000 / source->clock_rate : 0.0;
    return Py_BuildValue("(KKKKKLNdNINNN)", (unsigned long long)reporter->packets,
                         (unsigned long long)stream->sender.packets, (unsigned long long)reporter->octets,
                         (unsigned long long)stream->sender.octets, (unsigned long long)reporter->dropped,
                         (long long)rt_reporter_lost(reporter),
                         reporter->has_remote_lost ? PyLong_FromLong(reporter->remote_lost)
                                                   : rt_number_or_none(false, 0),
                         jitter, rt_number_or_none(reporter->has_round_trip, reporter->round_trip * 1000),
                         stream->sender.ssrc,
                         reporter->has_source ? PyLong_FromUnsignedLong(source->ssrc) : rt_number_or_none(false, 0),
                         address_tuple(target ? target : &nowhere), quality_tuple(reporter));
}
