/* error.c: names and one-line texts for -errno. The C library's strerror() is not used because its
 * result depends on the locale and is not the same for every thread; and where an error has a
 * meaning of ours (ESRCH: no such task), the text says that. */
#include "base/base.h"

#include <errno.h>

struct text {
    const char *name, *text;
};

#define ERROR(number, text) [number] = {#number, text}

static const struct text texts[] = {
    ERROR(EPERM, "operation not permitted"),
    ERROR(ENOENT, "no such file or directory"),
    ERROR(ESRCH, "no such task"),
    ERROR(EINTR, "interrupted"),
    ERROR(EIO, "input/output error"),
    ERROR(ENXIO, "no such device or address"),
    ERROR(EBADF, "the file descriptor is closed or not valid"),
    ERROR(ECHILD, "no child process"),
    ERROR(EAGAIN, "would block; try again"),
    ERROR(ENOMEM, "out of memory"),
    ERROR(EACCES, "permission denied"),
    ERROR(EFAULT, "bad address"),
    ERROR(EBUSY, "in use"),
    ERROR(EEXIST, "exists already"),
    ERROR(ENODEV, "no such device"),
    ERROR(ENOTDIR, "not a directory"),
    ERROR(EISDIR, "is a directory"),
    ERROR(EINVAL, "invalid argument"),
    ERROR(ENFILE, "too many open files in the system"),
    ERROR(EMFILE, "too many open files in this process (see ulimit -n)"),
    ERROR(EFBIG, "file too large"),
    ERROR(ENOSPC, "no space left on device"),
    ERROR(ESPIPE, "cannot seek"),
    ERROR(EROFS, "read-only file system"),
    ERROR(EPIPE, "the peer has closed the connection"),
    ERROR(ERANGE, "out of range"),
    ERROR(EDEADLK, "deadlock: nothing can wake what waits"),
    ERROR(ENAMETOOLONG, "name too long"),
    ERROR(ENOSYS, "not supported by this kernel"),
    ERROR(ELOOP, "too many levels"),
    ERROR(ENODATA, "finished: there is no more"),
    ERROR(ETIME, "the deadline has passed"),
    ERROR(EOVERFLOW, "too large"),
    ERROR(EPROTO, "protocol error"),
    ERROR(EMSGSIZE, "message too long"),
    ERROR(EPROTONOSUPPORT, "protocol not supported"),
    ERROR(EOPNOTSUPP, "operation not supported"),
    ERROR(EAFNOSUPPORT, "address family not supported"),
    ERROR(EADDRINUSE, "the address is in use"),
    ERROR(EADDRNOTAVAIL, "the address is not available on this machine"),
    ERROR(ENETDOWN, "network is down"),
    ERROR(ENETUNREACH, "network unreachable"),
    ERROR(ECONNABORTED, "connection aborted"),
    ERROR(ECONNRESET, "connection reset by peer"),
    ERROR(ENOBUFS, "no buffer space available"),
    ERROR(EISCONN, "already connected"),
    ERROR(ENOTCONN, "not connected"),
    ERROR(ESHUTDOWN, "shut down"),
    ERROR(ETIMEDOUT, "connection timed out"),
    ERROR(ECONNREFUSED, "connection refused"),
    ERROR(EHOSTDOWN, "host is down"),
    ERROR(EHOSTUNREACH, "no route to host"),
    ERROR(EALREADY, "already in progress"),
    ERROR(EINPROGRESS, "in progress"),
    ERROR(ECANCELED, "canceled"),
    ERROR(ENOTSOCK, "not a socket"),
    ERROR(EDESTADDRREQ, "destination address required"),
    ERROR(EDQUOT, "quota exceeded"),
    ERROR(EXDEV, "not on the same file system"),
    ERROR(ENOTEMPTY, "directory not empty"),
    ERROR(ETXTBSY, "text file busy"),
    ERROR(EMLINK, "too many links"),
    ERROR(EDOM, "argument out of domain"),
    ERROR(ENOLCK, "no locks available"),
    ERROR(EBADMSG, "bad message"),
    ERROR(ENOTTY, "not a terminal"),
};

static const struct text *find(int error) {
    unsigned number = error < 0 ? 0u - (unsigned)error : (unsigned)error;

    if (number >= sizeof texts / sizeof *texts || !texts[number].name)
        return NULL;
    return &texts[number];
}

const char *cede_strerror(int error) {
    const struct text *text = find(error);

    if (error == 0)
        return "success";
    return text ? text->text : "unknown error";
}

const char *cede_errname(int error) {
    const struct text *text = find(error);

    return text ? text->name : "?";
}
