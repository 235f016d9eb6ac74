// SPDX-License-Identifier: Apache-2.0
#define FUSE_USE_VERSION 312

#include "rootfs/squash_fuse.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/squash_view.h"
#include "sys/mount.h"

#define FOREVER_S   86400.0
#define THREADS_MAX 16

struct squash_fuse {
	struct squash_image *image;
	struct fuse_session *session;
	pthread_key_t reader; /* of each thread */
	bool has_key;
	uid_t uid;
	gid_t gid;
};

/* FUSE wants 1 for the root, and 0 for nothing. */
static uint64_t ref_of(const struct squash_fuse *fuse, fuse_ino_t node)
{
	return node == FUSE_ROOT_ID ? squash_image_root(fuse->image) : node - 2;
}

static fuse_ino_t node_of(uint64_t ref)
{
	return ref + 2;
}

static void free_reader(void *reader)
{
	squash_reader_free(reader);
}

static struct squash_reader *reader_of(const struct squash_fuse *fuse)
{
	struct squash_reader *reader = pthread_getspecific(fuse->reader);

	if (!reader) {
		reader = squash_reader_new(fuse->image);
		if (!reader || pthread_setspecific(fuse->reader, reader) != 0)
			memory_exhausted(sizeof(struct fuse_session *));
	}
	return reader;
}

/* --- attributes --- */

static int stat_of(const struct squash_fuse *fuse, uint64_t ref, struct stat *ret)
{
	struct squash_attr attr;
	int r = squash_attr(reader_of(fuse), ref, &attr);

	if (r < 0)
		return r;
	*ret = (struct stat){ .st_ino = attr.number,
			      .st_mode = attr.mode,
			      .st_nlink = attr.links,
			      .st_uid = fuse->uid,
			      .st_gid = fuse->gid,
			      .st_size = (off_t)attr.size_bytes,
			      .st_blksize = 4096,
			      .st_blocks = (blkcnt_t)((attr.size_bytes + 511) / 512),
			      .st_rdev = makedev(attr.rdev_major, attr.rdev_minor) };
	ret->st_mtim.tv_sec = ret->st_atim.tv_sec = ret->st_ctim.tv_sec = attr.mtime_s;
	return 0;
}

static int entry_of(const struct squash_fuse *fuse, uint64_t ref, struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){ .ino = node_of(ref),
					  .attr_timeout = FOREVER_S,
					  .entry_timeout = FOREVER_S };
	return stat_of(fuse, ref, &ret->attr);
}

static void do_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	struct fuse_entry_param entry;
	uint64_t ref;
	int r = squash_lookup(reader_of(fuse), ref_of(fuse, parent), name, &ref);

	if (r == -ENOENT) { /* which the kernel may remember as well */
		entry = (struct fuse_entry_param){ .entry_timeout = FOREVER_S };
		fuse_reply_entry(request, &entry);
		return;
	}
	if (r == 0)
		r = entry_of(fuse, ref, &entry);
	if (r < 0)
		fuse_reply_err(request, -r);
	else
		fuse_reply_entry(request, &entry);
}

static void do_getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	struct stat st;
	int r = stat_of(fuse, ref_of(fuse, node), &st);

	(void)info;
	if (r < 0)
		fuse_reply_err(request, -r);
	else
		fuse_reply_attr(request, &st, FOREVER_S);
}

static void do_readlink(fuse_req_t request, fuse_ino_t node)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	auto_arena arena = { 0 };
	const char *target;
	int r = squash_link(reader_of(fuse), ref_of(fuse, node), &arena, &target);

	if (r < 0)
		fuse_reply_err(request, -r);
	else
		fuse_reply_readlink(request, target);
}

/* --- content --- */

static void do_read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	auto_free char *bytes = memory_resize(NULL, size ? size : 1, 1);
	ssize_t n = squash_read(reader_of(fuse), ref_of(fuse, node), (uint64_t)offset, bytes, size);

	(void)info;
	if (n < 0)
		fuse_reply_err(request, (int)-n);
	else
		fuse_reply_buf(request, bytes, (size_t)n);
}

/* --- directories: held from open to release, so that a name's place in it is its offset --- */

static void do_opendir(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	const struct squash_list *list;
	int r = squash_list(reader_of(fuse), ref_of(fuse, node), &list);

	if (r < 0) {
		fuse_reply_err(request, -r);
		return;
	}
	info->fh = (uintptr_t)list;
	info->keep_cache = info->cache_readdir = 1;
	if (fuse_reply_open(request, info) != 0) /* nobody will release it */
		squash_list_done(reader_of(fuse), list);
}

static void do_releasedir(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);

	(void)node;
	squash_list_done(reader_of(fuse), (const struct squash_list *)(uintptr_t)info->fh);
	fuse_reply_err(request, 0);
}

/* The first two are "." and "..", whose inode numbers nobody relies on. */
static int add_entry(fuse_req_t request, const struct squash_list *list, size_t place, bool plus,
		     char *bytes, size_t room, size_t *ret_size)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	struct fuse_entry_param entry = { .attr = { .st_mode = S_IFDIR, .st_ino = 1 } };
	const char *name = place == 0 ? "." : place == 1 ? ".." : list->item[place - 2].name;
	off_t next = (off_t)place + 1;
	int r = place < 2 ? 0 : entry_of(fuse, list->item[place - 2].ref, &entry);

	if (r < 0)
		return r;
	*ret_size = plus ? fuse_add_direntry_plus(request, bytes, room, name, &entry, next)
			 : fuse_add_direntry(request, bytes, room, name, &entry.attr, next);
	return 0;
}

static void list_some(fuse_req_t request, size_t size, off_t offset,
		      const struct fuse_file_info *info, bool plus)
{
	const struct squash_list *list = (const struct squash_list *)(uintptr_t)info->fh;
	auto_free char *bytes = memory_resize(NULL, size ? size : 1, 1);
	size_t used = 0;

	for (size_t place = (size_t)offset; place < list->count + 2; place++) {
		size_t more = 0;
		int r = add_entry(request, list, place, plus, bytes + used, size - used, &more);

		if (r < 0 && used == 0) {
			fuse_reply_err(request, -r);
			return;
		}
		if (r < 0 || more > size - used)
			break;
		used += more;
	}
	fuse_reply_buf(request, bytes, used);
}

static void do_readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
		       struct fuse_file_info *info)
{
	(void)node;
	list_some(request, size, offset, info, false);
}

static void do_readdirplus(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
			   struct fuse_file_info *info)
{
	(void)node;
	list_some(request, size, offset, info, true);
}

/* --- extended attributes --- */

static void reply_bytes(fuse_req_t request, const void *bytes, size_t size, size_t room)
{
	if (room == 0)
		fuse_reply_xattr(request, size);
	else if (size > room)
		fuse_reply_err(request, ERANGE);
	else
		fuse_reply_buf(request, bytes, size);
}

static void do_getxattr(fuse_req_t request, fuse_ino_t node, const char *name, size_t size)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	auto_arena arena = { 0 };
	struct tar_xattr *item;
	size_t count;
	int r = squash_xattrs(reader_of(fuse), ref_of(fuse, node), &arena, &item, &count);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (strcmp(item[i].name, name) == 0) {
			reply_bytes(request, item[i].value, item[i].size_bytes, size);
			return;
		}
	fuse_reply_err(request, r < 0 ? -r : ENODATA);
}

static void do_listxattr(fuse_req_t request, fuse_ino_t node, size_t size)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	auto_arena arena = { 0 };
	auto_buf names = { 0 };
	struct tar_xattr *item;
	size_t count;
	int r = squash_xattrs(reader_of(fuse), ref_of(fuse, node), &arena, &item, &count);

	if (r < 0) {
		fuse_reply_err(request, -r);
		return;
	}
	for (size_t i = 0; i < count; i++)
		buf_add(&names, item[i].name, strlen(item[i].name) + 1);
	reply_bytes(request, names.bytes, names.size_bytes, size);
}

static void do_statfs(fuse_req_t request, fuse_ino_t node)
{
	const struct squash_fuse *fuse = fuse_req_userdata(request);
	const struct statvfs st = { .f_bsize = 4096,
				    .f_frsize = 4096,
				    .f_blocks = squash_image_bytes(fuse->image) / 4096,
				    .f_files = squash_image_inodes(fuse->image),
				    .f_namemax = 256 };

	(void)node;
	fuse_reply_statfs(request, &st);
}

/* Neither open nor flush is there: the kernel asks for them once and then opens by itself. */
static const struct fuse_lowlevel_ops operations = {
	.lookup = do_lookup,
	.getattr = do_getattr,
	.readlink = do_readlink,
	.read = do_read,
	.opendir = do_opendir,
	.readdir = do_readdir,
	.readdirplus = do_readdirplus,
	.releasedir = do_releasedir,
	.getxattr = do_getxattr,
	.listxattr = do_listxattr,
	.statfs = do_statfs,
};

/* --- the session --- */

static int mount_it(int fuse_fd, int point_fd, struct err *err)
{
	char fd[16];
	char uid[16];
	char gid[16];
	const struct mount_option options[] = { { "fd", fd, false },
						{ "rootmode", "40000", false },
						{ "user_id", uid, false },
						{ "group_id", gid, false },
						{ "allow_other", NULL, false },
						{ "default_permissions", NULL, false },
						{ NULL, NULL, false } };
	int r;

	snprintf(fd, sizeof(fd), "%d", fuse_fd);
	snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
	snprintf(gid, sizeof(gid), "%u", (unsigned)getgid());
	r = mount_new("fuse", "rootlet", options, MOUNT_READ_ONLY | MOUNT_NODEV | MOUNT_NOSUID,
		      point_fd, NULL, err);
	if (r == 0 && chdir("/") < 0)
		r = fail(err, errno, "leave the mount point");
	return r;
}

static int start_session(struct squash_fuse *fuse, int fuse_fd, struct err *err)
{
	char *argv[] = { (char *)(uintptr_t) "rootlet", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	char path[32];

	fuse->session = fuse_session_new(&args, &operations, sizeof(operations), fuse);
	fuse_opt_free_args(&args);
	if (!fuse->session)
		return fail(err, ENOMEM, "FUSE session");
	snprintf(path, sizeof(path), "/dev/fd/%d", fuse_fd); /* mounted already, says this */
	return fuse_session_mount(fuse->session, path) < 0 ? fail(err, EIO, "FUSE session") : 0;
}

static int set_up(struct squash_fuse *fuse, int point_fd, struct err *err)
{
	auto_fd fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int r;

	if (fuse_fd < 0)
		return fail(err, errno, "open '/dev/fuse'");
	r = pthread_key_create(&fuse->reader, free_reader);
	if (r != 0)
		return fail(err, r, "thread");
	fuse->has_key = true;
	r = mount_it(fuse_fd, point_fd, err);
	if (r == 0)
		r = start_session(fuse, fuse_fd, err);
	if (r == 0)
		take_fd(&fuse_fd); /* the session's */
	return r;
}

int squash_fuse_mount(struct squash_image *image, int point_fd, struct squash_fuse **ret_fuse,
		      struct err *err)
{
	struct squash_fuse *fuse = memory_zeroed(1, sizeof(*fuse));
	int r;

	fuse->image = image;
	fuse->uid = getuid();
	fuse->gid = getgid();
	r = set_up(fuse, point_fd, err);
	if (r < 0)
		squash_fuse_free(fuse);
	else
		*ret_fuse = fuse;
	return r;
}

int squash_fuse_serve(struct squash_fuse *fuse, struct err *err)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, THREADS_MAX);
	fuse_loop_cfg_set_idle_threads(config, THREADS_MAX);
	r = fuse_session_loop_mt(fuse->session, config);
	fuse_loop_cfg_destroy(config);
	return r < 0 ? fail(err, -r, "FUSE") : 0;
}

void squash_fuse_free(struct squash_fuse *fuse)
{
	if (!fuse)
		return;
	if (fuse->session)
		fuse_session_destroy(fuse->session);
	if (fuse->has_key) {
		squash_reader_free(pthread_getspecific(fuse->reader));
		pthread_key_delete(fuse->reader);
	}
	free(fuse);
}
