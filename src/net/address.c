#include <cede/net.h>

#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Both the port and the errors of its text. */
static int parse_port(const char *text, in_port_t *ret_port, const char **ret_why) {
    unsigned port = 0;
    const char *p = text;

    for (; *p >= '0' && *p <= '9' && port <= 65535; p++)
        port = port * 10 + (unsigned)(*p - '0');
    if (p == text || (*p && (*p < '0' || *p > '9'))) {
        *ret_why = "the port is not a number";
        return -EINVAL;
    }
    if (port > 65535) {
        *ret_why = "the port is above 65535";
        return -ERANGE;
    }
    *ret_port = htons((in_port_t)port);
    return 0;
}

/* Splits "host:port" or "[host]:port"; the host is copied, the port pointed to. */
static int split(const char *text, char *host, size_t size, const char **ret_port, bool *ret_v6,
                 const char **ret_why) {
    const char *end, *colon = strrchr(text, ':');

    *ret_v6 = text[0] == '[';
    if (*ret_v6) {
        text++;
        end = strchr(text, ']');
        if (!end || end[1] != ':') {
            *ret_why = "an IPv6 address is written [ADDRESS]:PORT";
            return -EINVAL;
        }
        colon = end + 1;
    } else {
        if (!colon) {
            *ret_why = "it has no port; write HOST:PORT";
            return -EINVAL;
        }
        end = colon;
        if (memchr(text, ':', (size_t)(end - text))) {
            *ret_why = "an IPv6 address is written [ADDRESS]:PORT";
            return -EINVAL;
        }
    }
    if ((size_t)(end - text) >= size) {
        *ret_why = "the host is too long";
        return -EINVAL;
    }
    memcpy(host, text, (size_t)(end - text));
    host[end - text] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int set_v4(struct cede_address *address, const char *host, const char **ret_why) {
    address->v4.sin_family = AF_INET;
    address->len = sizeof address->v4;
    if (host[0] == '\0' || strcmp(host, "*") == 0)
        return 0;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1)
        return 0;
    *ret_why = "the host is no IPv4 address, [IPv6 address] or localhost";
    return -EINVAL;
}

static int set_v6(struct cede_address *address, const char *host, const char **ret_why) {
    address->v6.sin6_family = AF_INET6;
    address->len = sizeof address->v6;
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1)
        return 0;
    *ret_why = "what stands in brackets is no IPv6 address";
    return -EINVAL;
}

int cede_address_parse(const char *text, struct cede_address *ret_address, const char **ret_why) {
    struct cede_address address;
    const char *port, *ignored;
    char host[64];
    in_port_t number;
    bool v6;
    int r;

    ret_why = ret_why ? ret_why : &ignored;
    memset(&address, 0, sizeof address);
    r = split(text, host, sizeof host, &port, &v6, ret_why);
    if (r == 0)
        r = v6 ? set_v6(&address, host, ret_why) : set_v4(&address, host, ret_why);
    if (r == 0)
        r = parse_port(port, &number, ret_why);
    if (r < 0)
        return r;
    if (v6)
        address.v6.sin6_port = number;
    else
        address.v4.sin_port = number;
    *ret_address = address;
    return 0;
}

char *cede_address_format(const struct cede_address *address, char *text, size_t size) {
    char host[INET6_ADDRSTRLEN] = "?";

    switch (address->len ? address->any.sa_family : AF_UNSPEC) {
    case AF_INET:
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(address->v4.sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(address->v6.sin6_port));
        break;
    default:
        snprintf(text, size, "unknown");
    }
    return text;
}
