// SPDX-License-Identifier: Apache-2.0
/* The path is taken component by component, as text: what has been walked holds no symbolic link
 * and is looked at by the kernel under its name. A link is replaced by what it says. Another
 * process that changes the tree meanwhile gets what it would get from two calls in a row; this is
 * emulation and no boundary. */
#include "tap/blob/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/fds.h"
#include "tap/blob/memory.h"
#include "tap/blob/scratch.h"

#define LINKS_MAX  40
#define SHORT_PATH 256
#define LONG_PATH  (2 * TAP_PATH_MAX)

struct asker asker_effective(void)
{
	const struct creds *creds = &process_read()->creds;

	return (struct asker){ creds, creds->user.file_system, creds->group.file_system,
			       creds->caps.effective };
}

/* fs/open.c, access_override_creds */
struct asker asker_real(void)
{
	const struct creds *creds = &process_read()->creds;

	return (struct asker){ creds, creds->user.real, creds->group.real,
			       creds->user.real == 0 ? creds->caps.permitted : 0 };
}

bool asker_can(const struct asker *asker, unsigned capability)
{
	return asker->caps >> capability & 1;
}

static bool in_group(const struct asker *asker, uint32_t gid)
{
	if (asker->gid == gid)
		return true;
	for (uint32_t i = 0; i < asker->creds->group_count; i++)
		if (asker->creds->groups[i] == gid)
			return true;
	return false;
}

/* --- what may be done with a file */

/* acl(5), "Access check algorithm", for who is not the owner. -1: it says nothing of him. */
static int acl_bits(const struct asker *asker, const struct shown *shown, const void *value,
		    size_t size_bytes, unsigned wanted)
{
	const struct posix_acl_xattr_header *header = value;
	const struct posix_acl_xattr_entry *entry = (const void *)(header + 1);
	size_t count = size_bytes < sizeof(*header)
			       ? 0
			       : (size_bytes - sizeof(*header)) / sizeof(*entry);
	unsigned mask = 7;
	bool was_member = false;

	for (size_t i = 0; i < count; i++)
		if (entry[i].e_tag == ACL_MASK)
			mask = entry[i].e_perm;
	for (size_t i = 0; i < count; i++)
		if (entry[i].e_tag == ACL_USER && entry[i].e_id == asker->uid)
			return (int)(entry[i].e_perm & mask & 7);
	for (size_t i = 0; i < count; i++) {
		uint32_t gid = entry[i].e_tag == ACL_GROUP_OBJ ? shown->gid : entry[i].e_id;

		if ((entry[i].e_tag != ACL_GROUP_OBJ && entry[i].e_tag != ACL_GROUP) ||
		    !in_group(asker, gid))
			continue;
		was_member = true;
		if ((wanted & ~(entry[i].e_perm & mask)) == 0)
			return (int)(entry[i].e_perm & mask & 7);
	}
	return was_member ? 0 : -1;
}

static unsigned bits_of(const struct asker *asker, const struct node *node, unsigned wanted)
{
	const struct shown *shown = &node->shown;
	uint32_t size_bytes;
	const void *value;

	if (asker->uid == shown->uid)
		return shown->mode >> 6 & 7;
	/* without any bit for the group the kernel does not look (fs/namei.c, acl_permission_check)
	 */
	if (node->row && (shown->mode & 070) &&
	    lies_xattr_get(&tap.lies, node->row, "system.posix_acl_access", &value, &size_bytes) ==
		    LIES_XATTR_SET) {
		int bits = acl_bits(asker, shown, value, size_bytes, wanted);

		return bits >= 0 ? (unsigned)bits : shown->mode & 7;
	}
	return in_group(asker, shown->gid) ? shown->mode >> 3 & 7 : shown->mode & 7;
}

bool node_allows(const struct asker *asker, const struct node *node, unsigned wanted)
{
	bool is_directory = S_ISDIR(node->shown.mode);

	if (node->is_kernels || (wanted & ~bits_of(asker, node, wanted)) == 0)
		return true;
	if (asker_can(asker, CAP_DAC_OVERRIDE))
		return !(wanted & MAY_EXECUTE) || is_directory || (node->shown.mode & 0111);
	return asker_can(asker, CAP_DAC_READ_SEARCH) &&
	       (is_directory ? !(wanted & MAY_WRITE) : wanted == MAY_READ);
}

/* --- the way */

struct way {
	const struct asker *asker;
	int dirfd;
	char *text;
	char *spare; /* as large */
	size_t room_bytes;
	size_t at; /* of the component to come */
	int links;
	uint64_t root_device; /* of "/", where it was looked at; it has no links of the kernel's */
};

static long look(int dirfd, const char *path, int flags, struct node *ret_node)
{
	struct where where = { dirfd, path, flags };
	struct statx x;
	long r = files_look(&where, &x);

	if (r < 0)
		return r;
	*ret_node = (struct node){ .row = files_row(&x),
				   .device = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor,
				   .inode = x.stx_ino };
	files_show(&x, ret_node->row, &ret_node->shown);
	return 0;
}

static bool is_kernels_type(long type)
{
	static const long types[] = { PROC_SUPER_MAGIC,	   SYSFS_MAGIC,	    DEVPTS_SUPER_MAGIC,
				      PIPEFS_MAGIC,	   SOCKFS_MAGIC,    ANON_INODE_FS_MAGIC,
				      CGROUP2_SUPER_MAGIC, NSFS_MAGIC,	    DEBUGFS_MAGIC,
				      CGROUP_SUPER_MAGIC,  SECURITYFS_MAGIC };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

static long type_of(int dirfd, const char *path, int flags)
{
	long statfs[15] = { 0 }; /* struct statfs: 120 bytes, the type first */
	long fd = dirfd;
	long r;

	if (path[0] || dirfd == AT_FDCWD)
		fd = fds_open(dirfd, path[0] ? path : ".", O_PATH | O_CLOEXEC | flags);
	if (fd < 0)
		return 0;
	r = raw2(__NR_fstatfs, fd, statfs);
	if (fd != dirfd)
		raw1(__NR_close, fd);
	return r < 0 ? 0 : statfs[0];
}

bool walk_is_kernels(const struct where *name)
{
	int flags = name->flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;

	return is_kernels_type(type_of(name->dirfd, name->path, flags));
}

static long search(const struct way *way, const struct node *directory, const char *path)
{
	struct where where = { way->dirfd, path, 0 };

	return node_allows(way->asker, directory, MAY_EXECUTE) || walk_is_kernels(&where) ? 0
											  : -EACCES;
}

/* The directory the path begins in. */
static long begin(struct way *way, struct node *ret_directory)
{
	bool is_absolute = way->text[0] == '/';
	const char *path = is_absolute ? "/" : way->dirfd == AT_FDCWD ? "." : "";
	long r = look(way->dirfd, path, path[0] ? 0 : AT_EMPTY_PATH, ret_directory);

	way->at = 0;
	if (is_absolute && r == 0)
		way->root_device = ret_directory->device;
	return r < 0 ? r : search(way, ret_directory, path);
}

/* Links of /proc lead to what has no name, or not here. */
static bool is_kernels_link(const struct way *way, const struct node *link)
{
	return (!way->root_device || link->device != way->root_device) &&
	       is_kernels_type(type_of(way->dirfd, way->text, O_NOFOLLOW));
}

/* Puts what the link, whose name ends at `end`, says in the place of its name. 1: the path begins
 * at the root now. */
static long replace_link(struct way *way, size_t end)
{
	size_t start = way->at;
	size_t rest_bytes = strlen(way->text + end) + 1;
	size_t room_bytes = way->room_bytes - start;
	char *composed = way->spare;
	char saved = way->text[end];
	long size_bytes;
	bool is_absolute;

	way->text[end] = '\0';
	size_bytes = raw4(__NR_readlinkat, way->dirfd, way->text, composed + start, room_bytes);
	way->text[end] = saved;
	if (size_bytes < 0)
		return size_bytes;
	if ((size_t)size_bytes + rest_bytes > room_bytes)
		return -ENAMETOOLONG;
	is_absolute = composed[start] == '/';
	if (is_absolute) {
		memmove(composed, composed + start, (size_t)size_bytes);
		start = 0;
	} else {
		memcpy(composed, way->text, start);
	}
	memcpy(composed + start + size_bytes, way->text + end, rest_bytes);
	way->spare = way->text;
	way->text = composed;
	return is_absolute;
}

struct component {
	size_t end;   /* behind its name */
	bool is_last; /* nothing but slashes follows */
	bool is_directory;
};

/* false: there is none, the path ends. */
static bool next_component(struct way *way, struct component *ret_component)
{
	size_t end;

	while (way->text[way->at] == '/')
		way->at++;
	for (end = way->at; way->text[end] && way->text[end] != '/';)
		end++;
	*ret_component = (struct component){ .end = end, .is_directory = way->text[end] == '/' };
	if (end == way->at)
		return false;
	while (way->text[end] == '/')
		end++;
	ret_component->is_last = !way->text[end];
	return true;
}

static long look_at_component(struct way *way, const struct component *component,
			      struct node *ret_node)
{
	char saved = way->text[component->end];
	long r;

	way->text[component->end] = '\0';
	r = look(way->dirfd, way->text, AT_SYMLINK_NOFOLLOW, ret_node);
	if (r == 0 && S_ISLNK(ret_node->shown.mode) && is_kernels_link(way, ret_node)) {
		/* a directory that a descriptor is for is asked like any other */
		r = look(way->dirfd, way->text, 0, ret_node);
		ret_node->is_kernels = is_kernels_type(type_of(way->dirfd, way->text, 0));
	}
	way->text[component->end] = saved;
	return r;
}

static long search_component(struct way *way, const struct component *component,
			     const struct node *directory)
{
	char saved = way->text[component->end];
	long r;

	way->text[component->end] = '\0';
	r = search(way, directory, way->text);
	way->text[component->end] = saved;
	return r;
}

static long enter_link(struct way *way, const struct component *component,
		       struct node *ret_directory)
{
	long r = way->links++ < LINKS_MAX ? replace_link(way, component->end) : -ELOOP;

	return r > 0 ? begin(way, ret_directory) : r;
}

static bool is_dots(const struct way *way, const struct component *component)
{
	size_t length = component->end - way->at;

	return way->text[way->at] == '.' &&
	       (length == 1 || (length == 2 && way->text[way->at + 1] == '.'));
}

/* -EACCES; other errors are for the kernel to find, too. */
static long take_way(struct way *way, bool follows, struct walk *walk)
{
	struct node directory;
	struct component component;
	long r = begin(way, &directory);

	while (r == 0 && next_component(way, &component)) {
		struct node node;

		r = look_at_component(way, &component, &node);
		if (component.is_last) {
			walk->parent = directory;
			walk->has_parent = true;
			walk->ends_in_slash = component.is_directory;
			walk->ends_in_dots = is_dots(way, &component);
		}
		if (r < 0)
			return r;
		if (S_ISLNK(node.shown.mode) &&
		    (follows || !component.is_last || component.is_directory)) {
			walk->has_parent = false;
			r = enter_link(way, &component, &directory);
			continue;
		}
		walk->file = node;
		walk->exists = component.is_last;
		if (component.is_last)
			return 0;
		if (!S_ISDIR(node.shown.mode))
			return -ENOTDIR;
		r = search_component(way, &component, &node);
		directory = node;
		way->at = component.end;
	}
	if (r < 0)
		return r;
	walk->file = directory;
	walk->exists = true;
	return 0;
}

static long walk_in(const struct asker *asker, const struct where *name, char *room,
		    size_t room_bytes, struct walk *walk)
{
	struct way way = { .asker = asker,
			   .dirfd = name->dirfd,
			   .text = room,
			   .spare = room + room_bytes / 2,
			   .room_bytes = room_bytes / 2 };
	long r = memory_read_string(way.text, name->path, way.room_bytes, ENAMETOOLONG);

	*walk = (struct walk){ 0 };
	if (r < 0)
		return r;
	if (r > 0)
		return take_way(&way, !(name->flags & AT_SYMLINK_NOFOLLOW), walk);
	if (!(name->flags & AT_EMPTY_PATH))
		return -ENOENT;
	walk->exists = look(name->dirfd, "", AT_EMPTY_PATH, &walk->file) == 0;
	return 0;
}

long walk_path(const struct asker *asker, const struct where *name, struct walk *ret_walk)
{
	char short_room[2 * SHORT_PATH];
	long r = walk_in(asker, name, short_room, sizeof(short_room), ret_walk);
	char *room;

	if (r == -ENAMETOOLONG) {
		room = scratch_take(2 * LONG_PATH);
		if (!room)
			return 0;
		r = walk_in(asker, name, room, 2 * LONG_PATH, ret_walk);
		scratch_put(room);
	}
	return r == -EACCES ? r : 0;
}
