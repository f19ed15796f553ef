/* Counts what a process does to files below a path and disturbs the n-th operation, or all from there on.
   cc -shared -fPIC -O1 -o disturb.so disturb.c -ldl; LD_PRELOAD=./disturb.so. Used by disturbing.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { NOTHING, KILL, TORN, IO_ERROR, FULL_ONCE, FULL, SHORT };
static int armed, target, action, count, log_to = -1;
static char below[4096];
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void disturb_arm(const char *path, int operation, int what, const char *log) {
  strncpy(below, path, sizeof below - 1);
  target = operation, action = what, count = 0;
  if (log && *log) log_to = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
  armed = 1;
}

static int met(const char *name, const char *path) {
  if (!armed || !path || !strstr(path, below)) return NOTHING;
  count++;
  if (log_to >= 0) {
    char line[5000];
    int length = snprintf(line, sizeof line, "%s %s\n", name, path);
    if (REAL(write)(log_to, line, length) < 0) _exit(97);
  }
  if (action == FULL ? count < target : count != target) return NOTHING;
  if (action == KILL) raise(SIGKILL);
  return action;
}

static int met_open(const char *name, int file) {
  char link[64], path[4096];
  if (!armed || file == log_to) return NOTHING;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  int length = readlink(link, path, sizeof path - 1);
  if (length < 0) return NOTHING;
  path[length] = 0;
  return met(name, path);
}

static int fails(int what, int takes_room) {
  if (what == IO_ERROR) errno = EIO;
  else if ((what == FULL_ONCE || what == FULL) && takes_room) errno = ENOSPC;
  else return 0;
  return 1;
}

ssize_t write(int file, const void *data, size_t size) {
  int what = met_open("write", file);
  if (fails(what, 1)) return -1;
  if ((what == SHORT || what == TORN) && size > 1) size /= 2;
  ssize_t written = REAL(write)(file, data, size);
  if (what == TORN) raise(SIGKILL);
  return written;
}
#define ON_FILE(name) \
  int name(int file) { return fails(met_open(#name, file), 1) ? -1 : REAL(name)(file); }
ON_FILE(fsync)
ON_FILE(fdatasync)
int rename(const char *from, const char *to) { return fails(met("rename", to), 1) ? -1 : REAL(rename)(from, to); }
int unlink(const char *path) { return fails(met("unlink", path), 0) ? -1 : REAL(unlink)(path); }
int rmdir(const char *path) { return fails(met("rmdir", path), 0) ? -1 : REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { return fails(met("mkdir", path), 1) ? -1 : REAL(mkdir)(path, mode); }
int chmod(const char *path, mode_t mode) { return fails(met("chmod", path), 0) ? -1 : REAL(chmod)(path, mode); }
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); } \
    if (fails(flags & (O_WRONLY | O_RDWR) ? met("open", path) : NOTHING, 1)) return -1; \
    return REAL(name)(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
