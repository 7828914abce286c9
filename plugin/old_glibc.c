/* What lets a plugin that was linked on a new system load on an old one. Linked into the .so alone, never into a
 * program, and never exported. It must never need a symbol of glibc that is younger than 2.28.
 *
 * A linker binds each name to the newest version of it that the build machine's glibc has, so a few names would bar
 * every older system from the plugin. They are defined here instead, each by what all releases have. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* glibc's first version for this machine, which every later one still offers. */
#if defined(__x86_64__)
#define FIRST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define FIRST "GLIBC_2.17"
#else
#error "plugin/build.rs compiles this file for x86_64 and aarch64 only"
#endif

/* The linker knows a function here by glibc's name, and the compiler by one of ours: what glibc's headers say of theirs
 * differs from release to release. */
#define IS(name) __asm__(#name)
#define ALSO(name) __attribute__((alias(#name)))

/* Until 2.33 these stood in a static library, and the call behind them was not the kernel's own. On 64-bit machines
 * the kernel's struct stat is glibc's. */

int ours_fstatat(int folder, const char *path, void *status, int flags) IS(fstatat);
int ours_fstat(int file, void *status) IS(fstat);
int ours_stat(const char *path, void *status) IS(stat);
int ours_lstat(const char *path, void *status) IS(lstat);
int ours_fstat64(int file, void *status) IS(fstat64) ALSO(fstat);
int ours_stat64(const char *path, void *status) IS(stat64) ALSO(stat);
int ours_lstat64(const char *path, void *status) IS(lstat64) ALSO(lstat);
int ours_fstatat64(int folder, const char *path, void *status, int flags) IS(fstatat64) ALSO(fstatat);
pid_t ours_gettid(void) IS(gettid);

int ours_fstatat(int folder, const char *path, void *status, int flags) {
    return (int)syscall(SYS_newfstatat, folder, path, status, flags);
}

int ours_fstat(int file, void *status) {
    return (int)syscall(SYS_fstat, file, status);
}

int ours_stat(const char *path, void *status) {
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, status, 0);
}

int ours_lstat(const char *path, void *status) {
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

pid_t ours_gettid(void) {
    return (pid_t)syscall(SYS_gettid);
}

/* 2.34 moved the threads into libc.so.6 and gave each name a new version beside the first, which means the same. */

#define FIRST_OF(name) __asm__(".symver first_" #name ", " #name "@" FIRST)

FIRST_OF(pthread_key_create);
FIRST_OF(pthread_key_delete);
FIRST_OF(pthread_setspecific);
FIRST_OF(pthread_getspecific);
FIRST_OF(pthread_once);
int first_pthread_key_create(pthread_key_t *key, void (*drop)(void *));
int first_pthread_key_delete(pthread_key_t key);
int first_pthread_setspecific(pthread_key_t key, const void *value);
void *first_pthread_getspecific(pthread_key_t key);
int first_pthread_once(pthread_once_t *once, void (*routine)(void));

int ours_key_create(pthread_key_t *key, void (*drop)(void *)) IS(pthread_key_create);
int ours_key_delete(pthread_key_t key) IS(pthread_key_delete);
int ours_setspecific(pthread_key_t key, const void *value) IS(pthread_setspecific);
void *ours_getspecific(pthread_key_t key) IS(pthread_getspecific);
int ours_once(pthread_once_t *once, void (*routine)(void)) IS(pthread_once);
/* By this name libgcc asks whether there are threads. */
int ours_key_create_too(pthread_key_t *key, void (*drop)(void *)) IS(__pthread_key_create) ALSO(pthread_key_create);

int ours_key_create(pthread_key_t *key, void (*drop)(void *)) {
    return first_pthread_key_create(key, drop);
}

int ours_key_delete(pthread_key_t key) {
    return first_pthread_key_delete(key);
}

int ours_setspecific(pthread_key_t key, const void *value) {
    return first_pthread_setspecific(key, value);
}

void *ours_getspecific(pthread_key_t key) {
    return first_pthread_getspecific(key);
}

int ours_once(pthread_once_t *once, void (*routine)(void)) {
    return first_pthread_once(once, routine);
}

/* Where the unwinder of libgcc 12 and later finds the tables of the code at an address; glibc has it since 2.35. Every
 * panic is caught at the hook that it came from, so nothing is ever unwound but this very object: the answer is always
 * the same one, it takes no lock, and it works in a child that was forked while another thread held the loader's. */

struct found {
    unsigned long long flags;
    char *start;
    char *end;
    void *object;
    char *tables;
    unsigned long long reserved[7];
};

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

int ours_find_object(void *address, struct found *found) IS(_dl_find_object);

int ours_find_object(void *address, struct found *found) {
    char *start = (char *)&__ehdr_start, *end = start, *tables = 0;
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)(start + __ehdr_start.e_phoff);
    for (int n = 0; n < __ehdr_start.e_phnum; n++) {
        char *part = start + header[n].p_vaddr;
        if (header[n].p_type == PT_LOAD && part + header[n].p_memsz > end)
            end = part + header[n].p_memsz;
        else if (header[n].p_type == PT_GNU_EH_FRAME)
            tables = part;
    }
    if (!tables || (char *)address < start || (char *)address >= end)
        return -1;
    *found = (struct found){.start = start, .end = end, .tables = tables};
    return 0;
}
