/* socket.h: what the files of this layer share. */
#ifndef CEDE_SRC_SOCKET_H
#define CEDE_SRC_SOCKET_H

#include "io/io.h"

#include <cede/net.h>

/* Makes a fresh connection ready for use; on failure it is closed. Returns fd or -errno. */
int cede__socket_adopt(int fd);

#endif
