// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "store/layers.h"
#include "sys/remove.h"

int tree_init(struct tree *tree, enum tree_marks marks)
{
	struct err err = { 0 };

	/* not /tmp: where that is a tmpfs it may hold no user.* attributes */
	*tree = (struct tree){ .folder = "/var/tmp/rootlet-tree-test-XXXXXX",
			       .store = STORE_NONE,
			       .marks = marks };
	view_init(&tree->view);
	if (!mkdtemp(tree->folder))
		return -1;
	return store_open(tree->folder, &tree->store, &err);
}

int tree_done(struct tree *tree)
{
	struct err err = { 0 };

	view_done(&tree->view);
	store_done(&tree->store);
	return remove_tree(AT_FDCWD, tree->folder, &err);
}

/* What is made of one line, and where it is put. */
struct maker {
	const struct tree *tree;
	int dirfd;
	struct owner owner[32];
	struct owners owners;
	char line[32][256];
};

static void put_file(int dirfd, const char *name, const char *text)
{
	auto_fd fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
}

static void mark(struct maker *maker, char kind, const char *name)
{
	struct owner *owner = &maker->owner[maker->owners.count++];
	auto_fd fd = -1;

	*owner = (struct owner){ .path = name, .whiteout = kind == 'w', .opaque = kind == 'o' };
	if (kind == 'o' && *name)
		assert_int_equal(mkdirat(maker->dirfd, name, 0755), 0);
	if (maker->tree->marks == TREE_IN_RECORD)
		return;
	if (kind == 'w') {
		assert_int_equal(mknodat(maker->dirfd, name, S_IFCHR, makedev(0, 0)), 0);
		return;
	}
	fd = openat(maker->dirfd, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fsetxattr(fd, "user.overlay.opaque", "y", 1, 0), 0);
}

static void make(struct maker *maker, char *line)
{
	char kind = line[0];
	char *name = line + 2;
	char *rest = strchr(name, ' ');

	if (rest)
		*rest++ = '\0';
	switch (kind) {
	case 'd':
		assert_int_equal(mkdirat(maker->dirfd, name, 0755), 0);
		break;
	case 'f':
		put_file(maker->dirfd, name, rest ? rest : "");
		break;
	case 'l':
		assert_int_equal(symlinkat(rest, maker->dirfd, name), 0);
		break;
	case 'h':
		assert_int_equal(linkat(maker->dirfd, rest, maker->dirfd, name, 0), 0);
		break;
	default:
		mark(maker, kind, name);
	}
}

static void publish(struct tree *tree, struct maker *maker, const char *work_name)
{
	struct digest diff_id;
	struct err err = { 0 };
	char text[80];

	snprintf(text, sizeof(text), "sha256:%064x", ++tree->layers);
	assert_int_equal(digest_parse(text, &diff_id, &err), 0);
	maker->owners.overlay_ready = tree->marks == TREE_BOTH;
	owners_sort(&maker->owners);
	assert_int_equal(layer_publish(&tree->store, &diff_id, work_name, &maker->owners, &err), 0);
	assert_int_equal(view_push_layer(&tree->view, &tree->store, &diff_id, &err), 0);
}

void tree_push(struct tree *tree, const char *const *lines)
{
	struct maker maker = { .tree = tree };
	char work_name[STORE_WORK_NAME_MAX];
	char path[512];
	auto_fd dirfd = -1;
	struct err err = { 0 };

	maker.owners.item = maker.owner;
	assert_int_equal(store_work_name(&tree->store, work_name, &err), 0);
	assert_int_equal(mkdirat(tree->store.dirfd, work_name, 0755), 0);
	dirfd = openat(tree->store.dirfd, work_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	maker.dirfd = dirfd;
	for (size_t i = 0; lines[i]; i++) {
		snprintf(maker.line[i], sizeof(maker.line[i]), "%s", lines[i]);
		make(&maker, maker.line[i]);
	}
	if (tree->marks != TREE_ON_DISK) {
		publish(tree, &maker, work_name);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", tree->folder, work_name);
	assert_int_equal(view_push_directory(&tree->view, path, &err), 0);
}
