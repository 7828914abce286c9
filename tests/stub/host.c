/*
 * A host for a SPANK plugin without Slurm. It exports the calls that a plugin may make, loads the plugin that its
 * first argument names, and does what the lines on its standard input say: who and where it pretends to be, the
 * job's environment, options as a user gives them, hooks one by one. Each call of the plugin's that leaves a trace,
 * and each answer, is one line on standard output. Texts are percent-encoded, so that any byte can stand in a line.
 *
 * It must behave as Slurm 22.05 does where the plugin can tell, and never know what the plugin is for.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ITEMS = 32, OPTIONS = 16, LINES = 4096 };
enum { SUCCESS = 0, ERROR = 3000, BAD_ARG = 3001, ENV_EXISTS = 3003, ENV_NOEXIST = 3004, NOSPACE = 3005, NOT_AVAIL = 3009 };
enum { S_JOB_ENV = 10, S_JOB_SUPPLEMENTARY_GIDS = 19 };
/* Slurm's limit for one string of the environment: a longer one is taken with a yes and not set. */
enum { MAX_ENV_STRLEN = 131072 };

struct option {
	char *name;
	char *arginfo;
	char *usage;
	int has_arg;
	int val;
	int (*cb)(int, const char *, int);
};

typedef int hook_f(void *, int, char **);

static void *plugin;
static int context;
static int in_init;
static uint32_t items[ITEMS];
static int have_item[ITEMS];
static gid_t groups[64];
static int group_count;
static char **job_env;
static size_t job_env_count;
static struct option options[OPTIONS];
static int option_count;
static char *words[64];
static int word_count;
static volatile sig_atomic_t children_ended;

/* Texts */

static void print_encoded(const char *text)
{
	for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
		if (*p <= ' ' || *p == '%' || *p >= 127)
			printf("%%%02x", *p);
		else
			putchar(*p);
	}
}

static char *decode(char *text)
{
	char *out = text;
	for (char *p = text; *p; p++) {
		if (*p == '%' && p[1] && p[2]) {
			char hex[3] = { p[1], p[2], 0 };
			*out++ = (char) strtol(hex, NULL, 16);
			p += 2;
		} else {
			*out++ = *p;
		}
	}
	*out = 0;
	return text;
}

static void fail(const char *what, const char *which)
{
	fprintf(stderr, "stub host: %s: %s\n", what, which);
	exit(2);
}

/* What Slurm exports to plugins */

static void log_line(const char *level, const char *format, va_list args)
{
	char *text = NULL;
	if (vasprintf(&text, format, args) < 0)
		abort();
	printf("log %s ", level);
	print_encoded(text);
	putchar('\n');
	free(text);
}

#define LOGGER(name, level)                                                                                           \
	void name(const char *format, ...)                                                                            \
	{                                                                                                             \
		va_list args;                                                                                         \
		va_start(args, format);                                                                               \
		log_line(level, format, args);                                                                        \
		va_end(args);                                                                                         \
	}

LOGGER(slurm_error, "error")
LOGGER(slurm_info, "info")
LOGGER(slurm_verbose, "verbose")
LOGGER(slurm_debug, "debug")
LOGGER(slurm_spank_log, "user")

int spank_context(void)
{
	return context;
}

int spank_remote(void *spank)
{
	(void) spank;
	return context == 2;
}

int spank_option_register(void *spank, struct option *option)
{
	(void) spank;
	if (!in_init || option_count == OPTIONS || !option->name || !option->usage)
		return BAD_ARG;
	struct option *copy = &options[option_count++];
	*copy = *option;
	copy->name = strdup(option->name);
	return SUCCESS;
}

int spank_get_item(void *spank, int item, ...)
{
	(void) spank;
	va_list args;
	int code = SUCCESS;
	va_start(args, item);
	if (item == S_JOB_ENV) {
		*va_arg(args, char ***) = job_env;
	} else if (item == S_JOB_SUPPLEMENTARY_GIDS) {
		*va_arg(args, gid_t **) = groups;
		*va_arg(args, int *) = group_count;
	} else if (item >= 0 && item < ITEMS && have_item[item]) {
		*va_arg(args, uint32_t *) = items[item];
	} else {
		code = NOT_AVAIL;
	}
	va_end(args);
	return code;
}

static ssize_t find_env(const char *name)
{
	size_t len = strlen(name);
	for (size_t n = 0; n < job_env_count; n++)
		if (!strncmp(job_env[n], name, len) && job_env[n][len] == '=')
			return (ssize_t) n;
	return -1;
}

int spank_getenv(void *spank, const char *name, char *buffer, int len)
{
	(void) spank;
	ssize_t at = find_env(name);
	if (at < 0)
		return ENV_NOEXIST;
	const char *value = job_env[at] + strlen(name) + 1;
	snprintf(buffer, (size_t) len, "%s", value);
	return strlen(value) >= (size_t) len ? NOSPACE : SUCCESS;
}

int spank_unsetenv(void *spank, const char *name)
{
	(void) spank;
	ssize_t at = find_env(name);
	if (at >= 0) {
		free(job_env[at]);
		job_env[at] = job_env[--job_env_count];
		job_env[job_env_count] = NULL;
	}
	return SUCCESS;
}

int spank_setenv(void *spank, const char *name, const char *value, int overwrite)
{
	if (!name || !value)
		return BAD_ARG;
	if (!overwrite && find_env(name) >= 0)
		return ENV_EXISTS;
	if (strlen(name) + strlen(value) + 2 >= MAX_ENV_STRLEN)
		return SUCCESS;
	spank_unsetenv(spank, name);
	job_env = realloc(job_env, (job_env_count + 2) * sizeof *job_env);
	if (!job_env || asprintf(&job_env[job_env_count], "%s=%s", name, value) < 0)
		abort();
	job_env[++job_env_count] = NULL;
	return SUCCESS;
}

/* Commands */

static const struct { const char *name; int number; } item_names[] = {
	{ "uid", 0 },         { "gid", 1 },    { "job", 2 },      { "step", 3 },       { "node_rank", 5 },
	{ "local_tasks", 6 }, { "task", 11 },  { "status", 13 },  { "array_job", 30 }, { "array_task", 31 },
};

static void set_item(const char *name, const char *value)
{
	for (size_t n = 0; n < sizeof item_names / sizeof *item_names; n++) {
		if (strcmp(item_names[n].name, name))
			continue;
		have_item[item_names[n].number] = strcmp(value, "none") != 0;
		items[item_names[n].number] = (uint32_t) strtoul(value, NULL, 0);
		return;
	}
	fail("no such item", name);
}

static void call_hook(const char *name)
{
	char symbol[128];
	snprintf(symbol, sizeof symbol, "slurm_spank_%s", name);
	hook_f *hook = (hook_f *) dlsym(plugin, symbol);
	if (!hook) {
		printf("hook %s absent\n", name);
		return;
	}
	struct timespec before, after;
	in_init = !strcmp(name, "init");
	while (in_init && option_count)
		free(options[--option_count].name);
	clock_gettime(CLOCK_MONOTONIC, &before);
	int code = hook((void *) &context, word_count, words);
	clock_gettime(CLOCK_MONOTONIC, &after);
	in_init = 0;
	long us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
	printf("hook %s %d %ld\n", name, code, us);
}

static void call_option(const char *name, char *value)
{
	for (int n = 0; n < option_count; n++) {
		if (strcmp(options[n].name, name))
			continue;
		printf("option %s %d\n", name, options[n].cb(options[n].val, value, context == 2));
		return;
	}
	fail("no such option", name);
}

static void on_child(int signal)
{
	(void) signal;
	children_ended++;
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = -1;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long children(void)
{
	char path[64], text[4096] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
	FILE *file = fopen(path, "r");
	if (file) {
		if (!fgets(text, sizeof text, file))
			text[0] = 0;
		fclose(file);
	}
	long count = 0;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		count++;
	return count;
}

static void command(char *line)
{
	char *verb = strtok(line, " ");
	char *first = strtok(NULL, " ");
	char *second = strtok(NULL, " ");
	if (!verb)
		return;
	if (!strcmp(verb, "context")) {
		const char *names[] = { "error", "local", "remote", "allocator", "slurmd", "job_script" };
		for (int n = 0; n < 6; n++)
			if (!strcmp(names[n], first))
				context = n;
	} else if (!strcmp(verb, "item")) {
		set_item(first, second);
	} else if (!strcmp(verb, "group")) {
		groups[group_count++] = (gid_t) strtoul(first, NULL, 0);
	} else if (!strcmp(verb, "word")) {
		words[word_count++] = strdup(decode(first));
	} else if (!strcmp(verb, "env")) {
		spank_setenv(NULL, decode(first), second ? decode(second) : "", 1);
	} else if (!strcmp(verb, "unenv")) {
		spank_unsetenv(NULL, first);
	} else if (!strcmp(verb, "own_env")) {
		setenv(first, decode(second), 1);
	} else if (!strcmp(verb, "get")) {
		ssize_t at = find_env(first);
		printf("env %s ", first);
		if (at < 0)
			printf("unset");
		else
			putchar('='), print_encoded(job_env[at] + strlen(first) + 1);
		putchar('\n');
	} else if (!strcmp(verb, "option")) {
		call_option(first, second ? decode(second) : "");
	} else if (!strcmp(verb, "hook")) {
		call_hook(first);
	} else if (!strcmp(verb, "umask")) {
		umask((mode_t) strtoul(first, NULL, 8));
	} else if (!strcmp(verb, "chdir")) {
		if (chdir(decode(first)))
			fail("chdir", first);
	} else if (!strcmp(verb, "effective")) {
		/* As slurmstepd lowers itself for user_init: effective ids only, the real ones stay root's. */
		uid_t uid = (uid_t) strtoul(first, NULL, 0);
		if ((geteuid() && seteuid(0)) || setegid(uid) || seteuid(uid))
			fail("effective", first);
	} else if (!strcmp(verb, "run")) {
		/* What happens between two hooks. */
		if (system(decode(first)))
			fail("run", first);
	} else if (!strcmp(verb, "count_children")) {
		signal(SIGCHLD, on_child);
	} else if (!strcmp(verb, "children")) {
		int any = wait3(NULL, WNOHANG, NULL) > 0;
		printf("children left=%ld signals=%d reaped=%d\n", children(), (int) children_ended, any);
	} else if (!strcmp(verb, "size")) {
		printf("size fds=%d kib=%ld\n", count_entries("/proc/self/fd"), resident_kib());
	} else {
		fail("no such command", verb);
	}
}

int main(int argc, char **argv)
{
	static char *lines[LINES];
	int count = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (argc != 2)
		fail("usage", "host PLUGIN < COMMANDS");
	plugin = dlopen(argv[1], RTLD_LAZY | RTLD_LOCAL);
	if (!plugin)
		fail("dlopen", dlerror());
	job_env = calloc(1, sizeof *job_env);
	const uint32_t *version = dlsym(plugin, "plugin_version");
	const char *name = dlsym(plugin, "plugin_name"), *type = dlsym(plugin, "plugin_type");
	if (!version || !name || !type)
		fail("dlsym", "plugin_*");
	printf("plugin %s %s 0x%06x\n", name, type, *version);

	while (count < LINES && (len = getline(&line, &room, stdin)) >= 0) {
		if (len && line[len - 1] == '\n')
			line[len - 1] = 0;
		lines[count++] = strdup(line);
	}
	/* `repeat N` does all further lines N times. */
	for (int n = 0; n < count; n++) {
		if (strncmp(lines[n], "repeat ", 7)) {
			command(lines[n]);
			continue;
		}
		for (long rounds = strtol(lines[n] + 7, NULL, 10); rounds > 0; rounds--) {
			for (int m = n + 1; m < count; m++) {
				char *copy = strdup(lines[m]);
				command(copy);
				free(copy);
			}
		}
		break;
	}
	for (int n = 0; n < count; n++)
		free(lines[n]);
	free(line);
	fflush(stdout);
	return 0;
}
