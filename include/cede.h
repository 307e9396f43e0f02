/* cede.h: all of cede. Each header under cede/ is about one topic and says what its functions do,
 * who owns what, which errors there are, and whether a call blocks. */
#ifndef CEDE_H
#define CEDE_H

#include <cede/base.h>
#include <cede/broadcast.h>
#include <cede/census.h>
#include <cede/channel.h>
#include <cede/coro.h>
#include <cede/future.h>
#include <cede/gather.h>
#include <cede/local.h>
#include <cede/loop.h>
#include <cede/net.h>
#include <cede/offload.h>
#include <cede/op.h>
#include <cede/queue.h>
#include <cede/scope.h>
#include <cede/server.h>
#include <cede/stream.h>
#include <cede/sync.h>
#include <cede/task.h>
#include <cede/timer.h>
#include <cede/wait.h>
#include <cede/with.h>

#endif
