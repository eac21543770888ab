/* libnatpmp, as a C program uses it: so many mappings by NAT-PMP, one after another; prints a JSON object.
 * With the word "address" the external address is asked for first, which PCP tells with each mapping. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

#include <natpmp.h>

#define FIRST_PORT 20000
#define LIFETIME 3600 /* seconds */

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int answer(natpmp_t *gateway)
{
    natpmpresp_t response;
    struct timeval patience;
    fd_set readable;
    int result;

    do {
        FD_ZERO(&readable);
        FD_SET(gateway->s, &readable);
        getnatpmprequesttimeout(gateway, &patience);
        select(gateway->s + 1, &readable, NULL, NULL, &patience);
        result = readnatpmpresponseorretry(gateway, &response);
    } while (result == NATPMP_TRYAGAIN);
    return result;
}

static int ask_address(natpmp_t *gateway)
{
    return sendpublicaddressrequest(gateway) < 0 ? -1 : answer(gateway);
}

static int map_port(natpmp_t *gateway, unsigned short port)
{
    if (sendnewportmappingrequest(gateway, NATPMP_PROTOCOL_UDP, port, port, LIFETIME) < 0)
        return -1;
    return answer(gateway);
}

int main(int count, char **words)
{
    natpmp_t gateway;
    int mappings = count > 1 ? atoi(words[1]) : 0;
    int address = count > 2 && strcmp(words[2], "address") == 0;
    double began = now(), first;

    if (initnatpmp(&gateway, 0, 0) < 0 || (address && ask_address(&gateway) != 0))
        return 1;
    if (map_port(&gateway, FIRST_PORT - 1) != 0)
        return 1;
    first = now() - began;
    began = now();
    for (int each = 0; each < mappings; each++)
        if (map_port(&gateway, (unsigned short)(FIRST_PORT + each)) != 0)
            return 1;
    printf("{\"seconds\": %.6f, \"many\": %.6f}\n", first, now() - began);
    closenatpmp(&gateway);
    return 0;
}
