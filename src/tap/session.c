// SPDX-License-Identifier: Apache-2.0
#include "tap/tap.h"

#include <fcntl.h>
#include <linux/mman.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "tap/control.h"
#include "tap/filter.h"
#include "tap/session_page.h"
#include "tap/table.h"
#include "tap/target.h"

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 0x08u
#define MFD_EXEC	0x10u
#endif

extern const unsigned char tap_blob_start[], tap_blob_end[]; /* blob_bytes.S */

/* Descriptors below this number are the program's; what needs more than 1000 raises the limit. */
#define FD_PLACES 16u

static size_t blob_bytes(void)
{
	return (size_t)(tap_blob_end - tap_blob_start);
}

static int make_memfd(const char *name, unsigned flags)
{
	int fd = memfd_create(name, MFD_CLOEXEC | flags);

	return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC) : fd;
}

static int fill_image(int fd, struct err *err)
{
	int r = io_write_all(fd, tap_blob_start, blob_bytes());

	return r < 0 ? fail(err, -r, "write the tap") : 0;
}

/* What is executed is the first page alone: it maps the rest of the tap from the other file, which
 * replaces this one, and every segment less is time saved in each exec. */
#define FIRST_PAGE_BYTES 4096

static int fill_first_page(int fd, struct err *err)
{
	unsigned char page[FIRST_PAGE_BYTES];
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)page;
	Elf64_Phdr *segment;
	int r;

	memcpy(page, tap_blob_start, sizeof(page));
	segment = (Elf64_Phdr *)(void *)(page + header->e_phoff);
	for (size_t i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type == PT_LOAD && segment->p_offset == 0)
			segment->p_filesz = segment->p_memsz = sizeof(page);
		else if (segment->p_type == PT_LOAD)
			segment->p_type = PT_NULL;
	}
	r = io_write_all(fd, page, sizeof(page));
	return r < 0 ? fail(err, -r, "write the tap") : 0;
}

/* Where vm.memfd_noexec forbids it: an unnamed file, opened again read-only, for a file that is
 * open for writing cannot be executed. */
static int make_file(int *ret_fd, struct err *err)
{
	static const char *const folders[] = { "/dev/shm", "/run", "/tmp", "/var/tmp", "." };
	char link[32];

	for (size_t i = 0; i < array_count(folders); i++) {
		auto_fd fd = open(folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0700);
		auto_fd executable = -1;

		if (fd < 0)
			continue;
		if (fill_first_page(fd, err) < 0)
			return -err->code;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		executable = open(link, O_RDONLY | O_CLOEXEC);
		close(take_fd(&fd));
		if (executable < 0 || faccessat(executable, "", X_OK, AT_EMPTY_PATH) < 0)
			continue;
		*ret_fd = take_fd(&executable);
		return 0;
	}
	fail_plain(err, EACCES, "no file system here from which the tap may be executed");
	err_hint(err, "vm.memfd_noexec is 2 and /dev/shm, /run, /tmp, /var/tmp and the working "
		      "directory are not writable or mounted noexec");
	return -EACCES;
}

static int open_blob(struct tap_session *session, struct err *err)
{
	session->image_fd = make_memfd("rootlet-image", 0);
	if (session->image_fd < 0)
		session->image_fd = make_memfd("rootlet-image", MFD_NOEXEC_SEAL);
	if (session->image_fd < 0)
		return fail(err, errno, "memfd_create");
	if (fill_image(session->image_fd, err) < 0)
		return -err->code;
	session->blob_fd = make_memfd("rootlet-tap", MFD_EXEC);
	if (session->blob_fd < 0)
		return make_file(&session->blob_fd, err);
	return fill_first_page(session->blob_fd, err);
}

static int open_table(const struct tap_options *options, int *ret_fd, struct err *err)
{
	auto_fd fd = options->table_path
			     ? open(options->table_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
			     : make_memfd("rootlet-lies", MFD_NOEXEC_SEAL);
	const char *name = options->table_path ? options->table_path : "in memory";

	if (fd < 0)
		return fail(err, errno, "table of lies '%s'", name);
	if (ftruncate(fd, (off_t)LIES_FILE_BYTES) < 0)
		return fail(err, errno, "table of lies '%s': size", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The highest descriptors a program can have without raising its limit: few programs get there, and
 * a table of descriptors of this size costs a fork nothing that could be measured. */
static int choose_fd_base(uint64_t open_files, uint32_t *ret_base, struct err *err)
{
	struct rlimit limit;
	uint32_t highest = 1024;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return fail(err, errno, "getrlimit");
	if (limit.rlim_cur < highest)
		highest = (uint32_t)limit.rlim_cur;
	if (open_files && open_files < highest)
		highest = (uint32_t)open_files;
	if (highest < 2 * FD_PLACES)
		return fail_plain(err, EMFILE, "the limit of %u open files is too low", highest);
	*ret_base = highest - FD_PLACES;
	return 0;
}

static int note_files(const struct tap_session *session, struct tap_page *page, struct err *err)
{
	const int fds[TAP_FILES] = { session->blob_fd, session->image_fd, session->lies.fd };

	for (size_t i = 0; i < TAP_FILES; i++) {
		struct statx x;
		long r = raw5(__NR_statx, fds[i], "", AT_EMPTY_PATH, STATX_INO, &x);

		if (r < 0)
			return fail(err, (int)-r, "statx: the tap's own files");
		page->files[i] = (struct tap_file){
			.device = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor,
			.inode = x.stx_ino,
		};
	}
	return 0;
}

static int write_page(struct tap_session *session, const struct tap_options *options,
		      struct err *err)
{
	struct tap_page *page = tap_page_of(&session->lies);
	int count;
	int r;

	if (page->people_count) /* a table that is continued; in a new one their memory is not there
				   yet */
		memset(page->people, 0, sizeof(page->people));
	memset(page, 0, offsetof(struct tap_page, people));
	page->flags = (options->real_identity ? 0u : TAP_PAGE_ROOT) |
		      (options->host_tree ? TAP_PAGE_HOST_TREE : 0u) |
		      (options->unknown_is_real ? TAP_PAGE_UNKNOWN_IS_REAL : 0u) |
		      (options->trap_only ? TAP_PAGE_TRAP_ONLY : 0u) |
		      (options->one_id ? TAP_PAGE_ONE_ID : 0u);
	r = choose_fd_base(options->open_files, &page->fd_base, err);
	if (r < 0)
		return r;
	count = filter_make(page->flags, page->fd_base, page->filter);
	if (count < 0)
		return fail_plain(err, -count, "the filter has more than %d instructions",
				  TAP_FILTER_MAX);
	page->filter_count = (uint32_t)count;
	count = filter_make_watch(page->watch);
	if (count < 0)
		return fail_plain(err, -count, "the second filter has more than %d instructions",
				  TAP_WATCH_MAX);
	page->watch_count = (uint32_t)count;
	r = note_files(session, page, err);
	if (r < 0)
		return r;
	lies_settle(&session->lies, options->settled_ns);
	page->magic = TAP_PAGE_MAGIC;
	return 0;
}

/* As login(1) does: while it is still root, groups first. */
static void set_creds(const struct tap_options *options, struct creds *creds)
{
	uint32_t groups[CREDS_GROUPS_MAX] = { options->gid };
	size_t count = 1;

	creds_init(creds);
	for (size_t i = 0; i < options->group_count && count < CREDS_GROUPS_MAX; i++)
		groups[count++] = options->groups[i];
	creds_setgroups(creds, groups, count);
	creds_setresgid(creds, options->gid, options->gid, options->gid);
	creds_setresuid(creds, options->uid, options->uid, options->uid);
}

int tap_session_translate(struct tap_session *session, const struct tap_place *place,
			  struct err *err)
{
	struct tap_page *page = tap_page_of(&session->lies);
	size_t used_bytes = tap_place_bytes(place);
	off_t end = (off_t)(TAP_PLACE_OFFSET + TAP_PLACES * TAP_PLACE_STRIDE);
	int count;

	if (ftruncate(session->lies.fd, end) < 0)
		return fail(err, errno, "room for the map of paths");
	if (pwrite(session->lies.fd, place, used_bytes, (off_t)TAP_PLACE_OFFSET) !=
	    (ssize_t)used_bytes)
		return fail(err, errno, "write the map of paths");
	page->place_version = page->place_claimed = 0;
	page->flags |= TAP_PAGE_TRANSLATE | TAP_PAGE_HOST_TREE;
	count = filter_make(page->flags, page->fd_base, page->filter);
	if (count < 0)
		return fail_plain(err, -count, "the filter has more than %d instructions",
				  TAP_FILTER_MAX);
	page->filter_count = (uint32_t)count;
	session->place = place;
	return 0;
}

int tap_session_open(struct tap_session *session, const struct tap_options *options,
		     struct err *err)
{
	int table_fd = -1;
	int r;

	*session = (struct tap_session){ .blob_fd = -1, .image_fd = -1, .lies = { .fd = -1 } };
	set_creds(options, &session->creds);
	r = open_blob(session, err);
	if (r == 0)
		r = open_table(options, &table_fd, err);
	if (r == 0) {
		r = lies_map(&session->lies, table_fd, NULL, true);
		session->lies.fd = table_fd;
		if (r < 0)
			fail(err, -r, "map the table of lies");
	}
	if (r == 0)
		r = write_page(session, options, err);
	if (r < 0)
		tap_session_done(session);
	return r;
}

void tap_session_done(struct tap_session *session)
{
	cleanup_fd(&session->blob_fd);
	cleanup_fd(&session->image_fd);
	if (session->lies.base)
		lies_unmap(&session->lies);
	cleanup_fd(&session->lies.fd);
	*session = (struct tap_session){ .blob_fd = -1, .image_fd = -1, .lies = { .fd = -1 } };
}

static long open_file(int dirfd, const char *path, int open_flags)
{
	char link[32];

	if (!path[0]) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
		return raw4(__NR_openat, AT_FDCWD, link, open_flags & ~O_NOFOLLOW, 0);
	}
	return raw4(__NR_openat, dirfd, path, open_flags, 0);
}

int tap_open(const struct tap_session *session, const char *guest_path, int flags)
{
	const struct pathmap *map = &session->place->map;
	const char *root = pathmap_host(map, map->count - 1);
	auto_fd root_fd = open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct pathmap_request request = {
		.root_fd = root_fd,
		.dirfd = AT_FDCWD,
		.path = guest_path,
		.want = flags & O_NOFOLLOW ? 0 : PATHMAP_FOLLOW,
		.flags = (unsigned)flags | O_CLOEXEC,
	};
	char text[PATHMAP_PATH_MAX];
	char host[PATHMAP_PATH_MAX];
	char link[PATHMAP_PATH_MAX];
	struct pathmap_room room = { text, host, link, sizeof(text), 0 };
	struct pathmap_found found;
	long r;

	if (root_fd < 0)
		return -errno;
	r = pathmap_resolve(map, &pathmap_host_ops, NULL, &request, &room, &found);
	return r < 0 ? (int)r : found.fd;
}

static long find_file(const void *context, int dirfd, const char *path, int flags)
{
	(void)dirfd;
	return tap_open(context, path, O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
}

/* Inherited copies with high numbers; on failure those that were made are closed again. */
static int carry(const struct tap_session *session, struct tap_control *control)
{
	const struct tap_page *page = tap_page_of(&session->lies);
	int base = (int)page->fd_base;
	int *const copies[] = { &control->blob_fd, &control->image_fd, &control->table_fd };
	const int from[] = { session->blob_fd, session->image_fd, session->lies.fd };

	for (size_t i = 0; i < array_count(copies); i++) {
		*copies[i] = fcntl(from[i], F_DUPFD, base);
		if (*copies[i] >= 0)
			continue;
		while (i-- > 0)
			close(*copies[i]);
		return -EMFILE;
	}
	return 0;
}

static int start(const struct tap_session *session, struct target *target, char *const *envp)
{
	struct tap_control control = { .target_fd = target->fd,
				       .interpreter_fd = target->interpreter_fd,
				       .flags = TAP_CONTROL_FIRST |
						(target_is_musl(target) ? TAP_CONTROL_MUSL : 0u) };
	struct sigaction action;
	char text[TAP_CONTROL_MAX];
	int r = carry(session, &control);

	if (r < 0)
		return r;
	if (sigaction(SIGSYS, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
		control.flags |= TAP_CONTROL_IGNORED;
	tap_control_print(&control, creds_is_initial(&session->creds) ? NULL : &session->creds,
			  text);
	target->argv[--target->first] = target->path;
	target->argv[--target->first] = text;
	fcntl(target->fd, F_SETFD, 0);
	if (target->interpreter_fd >= 0)
		fcntl(target->interpreter_fd, F_SETFD, 0);
	r = (int)raw5(__NR_execveat, control.blob_fd, "", target->argv + target->first, envp,
		      AT_EMPTY_PATH);
	close(control.blob_fd);
	close(control.image_fd);
	close(control.table_fd);
	return r;
}

int tap_exec(const struct tap_session *session, const char *path, char *const *argv,
	     char *const *envp)
{
	struct target_request request = { .dirfd = AT_FDCWD,
					  .path = path,
					  .argv = (const char *const *)argv,
					  .open_file = open_file,
					  .find_file = session->place ? find_file : NULL,
					  .context = session };
	struct target *target;
	size_t size_bytes;
	int r;

	if (strlen(path) >= TARGET_PATH_MAX)
		return -ENAMETOOLONG;
	while (argv[request.argc])
		request.argc++;
	size_bytes = target_size_bytes(request.argc);
	target = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (target == MAP_FAILED)
		return -errno;
	r = (int)target_resolve(target, &request);
	if (r == 0)
		r = start(session, target, envp);
	if (target->fd >= 0)
		close(target->fd);
	if (target->interpreter_fd >= 0)
		close(target->interpreter_fd);
	munmap(target, size_bytes);
	return r;
}

bool tap_session_refusal(const struct tap_session *session, struct tap_refusal *ret_refusal)
{
	const struct tap_page *page = tap_page_of(&session->lies);
	uint32_t count = page->refused_count;
	const struct tap_refused *note = &page->refused[(count - 1) % TAP_REFUSALS];

	if (!count || note->number >= TAP_NR_END)
		return false;
	*ret_refusal = (struct tap_refusal){ .call = tap_table[note->number].name,
					     .error = note->error };
	memcpy(ret_refusal->program, note->program, sizeof(note->program));
	return ret_refusal->call != NULL;
}

/* msync(2) tells whether anything is mapped there. */
bool tap_is_active(void)
{
	long page_bytes = sysconf(_SC_PAGESIZE);

	return msync((void *)TAP_BASE, (size_t)page_bytes, MS_ASYNC) == 0;
}
