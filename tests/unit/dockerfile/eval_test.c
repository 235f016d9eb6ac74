// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdio.h>

#include "dockerfile/eval.h"

static struct arena arena;
static struct dockerfile dockerfile;
static struct plan plan;
static struct strings build_args;
static struct config config;
static struct evaluation evaluation;
static const struct step *steps[64];
static struct fault fault;

static int reset(void **state)
{
	(void)state;
	arena_done(&arena);
	strings_clear(&build_args);
	config_done(&config);
	memset(&fault, 0, sizeof(fault));
	return 0;
}

static int plan_text(const char *text, struct err *err)
{
	const struct plan_options options = {
		.build_args = &build_args,
		.build_platform = { "linux", "amd64", NULL, NULL },
		.target_platform = { "linux", "amd64", NULL, NULL },
	};
	int r;

	r = dockerfile_parse(&arena, "Dockerfile", text, strlen(text), &dockerfile, err);
	if (r == 0)
		r = plan_make(&arena, &dockerfile, &options, &plan, err);
	return r;
}

static int run_stage(struct evaluation *run, size_t stage, struct config *of,
		     const struct evaluation *base, struct err *err)
{
	int r = evaluation_begin(run, &arena, &plan, stage, of, base, err);

	for (size_t i = 0; r == 0 && i < run->step_count; i++) {
		r = evaluation_step(run, i, &steps[i], err);
		if (r == 0)
			evaluation_apply(run, steps[i]);
	}
	fault = run->fault;
	return r;
}

/* Evaluate the only stage on what `config` holds. */
static int run(const char *text, struct err *err)
{
	int r = plan_text(text, err);

	return r < 0 ? r : run_stage(&evaluation, 0, &config, NULL, err);
}

static void must_run(const char *text)
{
	struct err err = { 0 };

	run(text, &err);
	assert_string_equal(err.text, "");
}

static void assert_fails(const char *text, const char *message)
{
	struct err err = { 0 };

	config_done(&config);
	assert_int_equal(run(text, &err), -EINVAL);
	assert_string_equal(err.text, message);
}

static void assert_list(const struct strings *list, const char *joined)
{
	auto_buf text = { 0 };

	strings_each(list, item)
		buf_printf(&text, "%s%s", text.size_bytes ? "|" : "", item);
	assert_string_equal(buf_text(&text), joined);
}

static void assert_texts(const struct texts *texts, const char *joined)
{
	auto_buf text = { 0 };

	for (size_t i = 0; i < texts->count; i++)
		buf_printf(&text, "%s%s", i ? "|" : "", texts->item[i]);
	assert_string_equal(buf_text(&text), joined);
	if (texts->item)
		assert_null(texts->item[texts->count]);
}

static const char *env(const char *name)
{
	const char *value = strings_env_get(&config.env, name);

	return value ? value : "(unset)";
}

test(all_of_one_env_see_what_was_before_it)
{
	must_run("FROM b\nENV A=1 B=\"two words\" C=three\\ words D=$A\nENV A=2 E=$A\n"
		 "ENV old  some  $A 'value'\n");
	assert_string_equal(env("A"), "2");
	assert_string_equal(env("B"), "two words");
	assert_string_equal(env("C"), "three words");
	assert_string_equal(env("D"), "");
	assert_string_equal(env("E"), "1");
	assert_string_equal(env("old"), "some  2 value");
	assert_string_equal(env("PATH"), EVAL_DEFAULT_PATH);
}

test(quotes_decide_what_env_replaces)
{
	must_run("FROM b\nENV A='$HOME' B=\"$HOME\" C=\\$HOME D='a\"b' E=\"a'b\"\n");
	assert_string_equal(env("A"), "$HOME");
	assert_string_equal(env("B"), "");
	assert_string_equal(env("C"), "$HOME");
	assert_string_equal(env("D"), "a\"b");
	assert_string_equal(env("E"), "a'b");
	assert_fails("FROM b\nENV name='a\\'b'\n",
		     "Dockerfile:2: ENV: unexpected end of statement while looking for matching "
		     "single-quote");
	assert_int_equal(fault.at.column, 15);
}

test(env_of_the_base_is_seen)
{
	strings_add(&config.env, "BASE=x");
	must_run("FROM b\nENV A=$BASE\nUSER $BASE\n");
	assert_string_equal(env("A"), "x");
	assert_string_equal(config.user, "x");
}

/* The value of a variable for the last step, a RUN. */
static const char *seen(const char *name)
{
	const struct texts *texts = &steps[evaluation.step_count - 1]->run.env;
	size_t length = strlen(name);

	for (size_t i = 0; i < texts->count; i++)
		if (!strncmp(texts->item[i], name, length) && texts->item[i][length] == '=')
			return texts->item[i] + length + 1;
	return "(unset)";
}

test(an_argument_has_the_value_given_or_its_default)
{
	strings_add(&build_args, "G=given");
	must_run("FROM b\nARG A=1 G=2 N\nARG B=${A}x\nRUN x\n");
	assert_string_equal(seen("A"), "1");
	assert_string_equal(seen("G"), "given");
	assert_string_equal(seen("N"), "(unset)");
	assert_string_equal(seen("B"), "1x");
	assert_string_equal(env("A"), "(unset)");
	assert_string_equal(steps[2]->created_by, "RUN |4 A=1 G=given N= B=1x /bin/sh -c x");
}

test(a_default_may_use_what_stands_to_its_left)
{
	strings_add(&build_args, "G=given");
	must_run("FROM b\nARG A=1 B=${A}2 A=3$B G=2 C=$G N D=${N-none}\nRUN x\n");
	assert_string_equal(seen("A"), "312");
	assert_string_equal(seen("C"), "given");
	assert_string_equal(seen("D"), "none");
}

test(the_later_of_env_and_argument_counts)
{
	strings_add(&build_args, "A=cli");
	strings_add(&config.env, "B=base");
	strings_add(&config.env, "C=base");
	must_run("FROM b\nARG A=arg\nENV A=env\nARG B=arg\nARG C\nRUN x\n");
	assert_string_equal(seen("A"), "env");
	assert_string_equal(seen("B"), "arg");
	assert_string_equal(seen("C"), "base");
	assert_string_equal(env("B"), "base");
}

test(global_arguments_must_be_declared_again)
{
	must_run("ARG V=1\nFROM b\nENV A=$V B=$TARGETARCH\nARG V\nARG TARGETARCH\nENV C=$V "
		 "D=$TARGETARCH\n");
	assert_string_equal(env("A"), "");
	assert_string_equal(env("B"), "");
	assert_string_equal(env("C"), "1");
	assert_string_equal(env("D"), "amd64");
}

test(proxies_need_no_argument)
{
	strings_add(&build_args, "http_proxy=p");
	must_run("FROM b\nENV A=$http_proxy\nRUN x\n");
	assert_string_equal(env("A"), "");
	assert_texts(&steps[1]->run.proxy_env, "http_proxy=p|HTTP_PROXY=p");
	assert_string_equal(seen("http_proxy"), "(unset)");
	assert_string_equal(steps[1]->created_by, "RUN /bin/sh -c x");
}

test(a_stage_on_a_stage_goes_on_with_its_environment)
{
	struct config second = { 0 };
	struct evaluation child;
	struct err err = { 0 };

	must_run("FROM b AS a\nARG X=1\nENV Y=$X\nWORKDIR /w\nCMD c\nFROM a\nENTRYPOINT [\"e\"]\n"
		 "WORKDIR $X\nENV Z=$X$Y\n");
	config_copy(&config, &second);
	run_stage(&child, 1, &second, &evaluation, &err);
	assert_string_equal(err.text, "");
	assert_string_equal(strings_env_get(&second.env, "Z"), "11");
	assert_string_equal(second.working_dir, "/w/1");
	assert_int_equal(second.cmd.count, 0);
	assert_string_equal(env("Z"), "(unset)");
	config_done(&second);
}

test(commands_have_a_shell_form_and_an_exec_form)
{
	must_run("FROM b\nCMD echo $A 'b'\nENTRYPOINT [\"/e\", \"$A\"]\n");
	assert_list(&config.cmd, "/bin/sh|-c|echo $A 'b'");
	assert_list(&config.entrypoint, "/e|$A");
	assert_string_equal(steps[0]->created_by, "CMD [\"/bin/sh\" \"-c\" \"echo $A 'b'\"]");
	config_done(&config);
	must_run("FROM b\nSHELL [\"/bin/bash\", \"-lc\"]\nRUN x  y\nENTRYPOINT z\nCMD []\n");
	assert_texts(&steps[1]->run.argv, "/bin/bash|-lc|x  y");
	assert_list(&config.entrypoint, "/bin/bash|-lc|z");
	assert_list(&config.shell, "/bin/bash|-lc");
	assert_int_equal(config.cmd.count, 0);
}

test(a_new_entrypoint_drops_the_command_of_the_base_only)
{
	strings_add(&config.cmd, "base");
	must_run("FROM b\nENTRYPOINT [\"/e\"]\n");
	assert_int_equal(config.cmd.count, 0);
	config_done(&config);
	strings_add(&config.cmd, "base");
	must_run("FROM b\nCMD [\"mine\"]\nENTRYPOINT [\"/e\"]\n");
	assert_list(&config.cmd, "mine");
}

test(metadata_is_merged_into_the_config)
{
	strings_add(&config.labels, "a=old");
	strings_add(&config.volumes, "/v");
	must_run("FROM b\nENV N=name\nLABEL a=b \"c d\"=\"e f\" g.h=\"i\\\nj\" $N=$N\nLABEL a=z\n"
		 "VOLUME /v [x]\nVOLUME [\"/a b\", \"/v\"]\nEXPOSE 80 443/tcp 53/UDP\n"
		 "EXPOSE 80 9000-9002\nSTOPSIGNAL SIGRTMIN+3\nUSER ${N}:grp\nMAINTAINER \"me\" "
		 "$N\n");
	assert_list(&config.labels, "a=z|c d=e f|g.h=ij|name=name");
	assert_list(&config.volumes, "/v|[x]|/a b");
	assert_list(&config.exposed_ports, "80/tcp|443/tcp|53/udp|9000/tcp|9001/tcp|9002/tcp");
	assert_string_equal(config.stop_signal, "SIGRTMIN+3");
	assert_string_equal(config.user, "name:grp");
	assert_string_equal(config.author, "\"me\" $N");
}

test(ports_may_come_from_variables)
{
	must_run("FROM b\nENV P=\"80 81-82/udp\"\nEXPOSE $P 127.0.0.1:8080:90\n");
	assert_list(&config.exposed_ports, "80/tcp|81/udp|82/udp|90/tcp");
	assert_fails("FROM b\nEXPOSE 80 70000\n",
		     "Dockerfile:2: EXPOSE: invalid port '70000': a number up to 65535, or a range "
		     "as in 8000-8010");
	assert_int_equal(fault.at.column, 11);
	assert_fails("FROM b\nEXPOSE 80/icmp\n",
		     "Dockerfile:2: EXPOSE: invalid protocol in port '80/icmp': tcp, udp or sctp");
}

test(every_port_may_be_exposed)
{
	must_run("FROM b\nEXPOSE 0-65535\nEXPOSE 1-65535\n");
	assert_int_equal(config.exposed_ports.count, 65536);
}

test(health_checks_are_durations_and_a_test)
{
	must_run("FROM b\nHEALTHCHECK --interval=5m --timeout=3s --start-period=1.5s "
		 "--start-interval=300ms --retries=2 CMD wget -q x || exit 1\n");
	assert_list(&config.healthcheck.test, "CMD-SHELL|wget -q x || exit 1");
	assert_int_equal(config.healthcheck.interval_ns, 300000000000);
	assert_int_equal(config.healthcheck.timeout_ns, 3000000000);
	assert_int_equal(config.healthcheck.start_period_ns, 1500000000);
	assert_int_equal(config.healthcheck.start_interval_ns, 300000000);
	assert_int_equal(config.healthcheck.retries, 2);
	must_run("FROM b\nHEALTHCHECK CMD [\"a\", \"b\"]\n");
	assert_list(&config.healthcheck.test, "CMD|a|b");
	assert_int_equal(config.healthcheck.interval_ns, 0);
	must_run("FROM b\nHEALTHCHECK none\n");
	assert_list(&config.healthcheck.test, "NONE");
}

test(directories_follow_each_other)
{
	must_run("FROM b\nWORKDIR a\nWORKDIR /b//c/\nWORKDIR ../d\nENV X=e\nWORKDIR $X\nWORKDIR "
		 "/\n");
	assert_string_equal(steps[0]->text, "/a");
	assert_string_equal(steps[1]->text, "/b/c");
	assert_string_equal(steps[2]->text, "/b/d");
	assert_string_equal(steps[4]->text, "/b/d/e");
	assert_true(steps[4]->makes_layer);
	assert_false(steps[5]->makes_layer);
	assert_fails("FROM b\nWORKDIR $X\n",
		     "Dockerfile:2: WORKDIR: the directory's name is empty");
}

test(scratch_begins_at_the_root)
{
	must_run("FROM scratch\n");
	assert_string_equal(config.working_dir, "/");
	config_done(&config);
	must_run("FROM b\n");
	assert_null(config.working_dir);
}

test(bad_values_are_refused_with_their_place)
{
	assert_fails("FROM b\nSTOPSIGNAL NOPE\n", "Dockerfile:2: STOPSIGNAL: 'NOPE' is no signal");
	assert_fails("FROM b\nENV A=b \\\n  C=\"${D:?no D}\"\n", "Dockerfile:3: ENV: D: no D");
	assert_fails("FROM b\nLABEL $X=1\n", "Dockerfile:2: LABEL: '' cannot be a name");
	assert_fails("FROM b\nRUN []\n", "Dockerfile:2: RUN: there is no command");
	assert_fails("FROM b\nCOPY --chmod=u+q a b\n",
		     "Dockerfile:2: COPY: invalid chmod parameter 'u+q': it should be an octal "
		     "number or changes as in \"u=rwX,go=rX\"");
}

test(a_heredoc_is_the_script_of_run)
{
	must_run("FROM b\nRUN <<EOF\na $X\n\tb\nEOF\nRUN <<-EOF\n\ta\n\tEOF\n"
		 "RUN <<E\n#!/bin/py\nx\nE\nRUN cat <<A >x && cat <<-\"B\"\na\nA\n\tb\nB\nRUN <<E "
		 "py\nq\nE\n");
	assert_texts(&steps[0]->run.argv, "/bin/sh|-c|a $X\n\tb\n");
	assert_texts(&steps[1]->run.argv, "/bin/sh|-c|a\n");
	assert_texts(&steps[2]->run.argv, "/bin/sh|-c|/dev/pipes/E");
	assert_string_equal(steps[2]->run.script_path, "/dev/pipes/E");
	assert_string_equal(steps[2]->run.script, "#!/bin/py\nx\n");
	assert_texts(&steps[3]->run.argv, "/bin/sh|-c|cat <<A >x && cat <<-\"B\"\na\nA\n\tb\nB");
	assert_texts(&steps[4]->run.argv, "/bin/sh|-c|<<E py\nq\nE");
	assert_null(steps[4]->run.script_path);
}

test(mounts_have_the_defaults_of_their_type)
{
	const struct step_mount *mount;

	must_run("FROM b\nWORKDIR /w\nENV T=sub\n"
		 "RUN --mount=target=$T --mount=type=cache,target=/c/ "
		 "--mount=type=tmpfs,dst=/t,size=1k"
		 " --mount=type=secret,id=aws --mount=type=secret,id=k,env=KEY"
		 " --mount=type=secret,target=/x/name,mode=0440,uid=5 --mount=type=ssh x\n");
	mount = steps[2]->run.mount;
	assert_int_equal(steps[2]->run.mount_count, 7);
	assert_int_equal(mount[0].kind, MOUNT_BIND);
	assert_int_equal(mount[0].from.kind, ORIGIN_CONTEXT);
	assert_string_equal(mount[0].target, "/w/sub");
	assert_string_equal(mount[0].source, ".");
	assert_true(mount[0].read_only);
	assert_int_equal(mount[1].kind, MOUNT_CACHE);
	assert_int_equal(mount[1].from.kind, ORIGIN_SCRATCH);
	assert_string_equal(mount[1].id, "/c");
	assert_false(mount[1].read_only);
	assert_int_equal(mount[1].mode, 0755);
	assert_int_equal(mount[2].size_bytes, 1024);
	assert_string_equal(mount[3].target, "/run/secrets/aws");
	assert_int_equal(mount[3].mode, 0400);
	assert_null(mount[4].target);
	assert_string_equal(mount[4].env, "KEY");
	assert_string_equal(mount[5].id, "name");
	assert_int_equal(mount[5].mode, 0440);
	assert_int_equal(mount[5].uid, 5);
	assert_null(mount[6].target);
	assert_string_equal(mount[6].id, "default");
}

test(mounts_take_what_is_written)
{
	const struct step_mount *mount;

	must_run("FROM b\nRUN --mount=type=cache,id=i,from=img:1,source=/a/../s,target=/c,"
		 "sharing=locked,ro,mode=700 --mount=type=bind,\\\"source=a,b\\\",dst=/x,rw=true "
		 "x\n" +
		 0);
	mount = steps[0]->run.mount;
	assert_string_equal(mount[0].id, "i");
	assert_int_equal(mount[0].from.kind, ORIGIN_IMAGE);
	assert_string_equal(mount[0].source, "s");
	assert_int_equal(mount[0].sharing, SHARING_LOCKED);
	assert_true(mount[0].read_only);
	assert_int_equal(mount[0].mode, 0700);
	assert_false(mount[1].read_only);
}

test(mounts_that_make_no_sense_are_refused)
{
	static const char *const cases[][2] = {
		{ "type=volume", "type=volume is no mount type (bind, cache, tmpfs, secret, ssh)" },
		{ "type=bind,target=/x,sharing=shared", "sharing is for cache mounts" },
		{ "target=/x,uid=1", "mode, uid and gid are not for bind and tmpfs mounts" },
		{ "target=/x,required", "required is for secret and ssh mounts" },
		{ "type=secret", "type=secret needs an id or a target" },
		{ "type=cache,target=/x,taget=/y",
		  "unexpected key 'taget' (did you mean target?)" },
		{ "target", "target needs a value" },
		{ "target=/", "invalid mount target \"/\"" },
		{ "target=/x,rw=maybe", "rw=maybe is neither true nor false" },
		{ "type=tmpfs,target=/x,size=1x", "size=1x is no size" },
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		auto_buf text = { 0 };
		auto_buf message = { 0 };

		buf_printf(&text, "FROM b\nRUN --mount=%s x\n", cases[i][0]);
		buf_printf(&message, "Dockerfile:2: RUN: --mount: %s", cases[i][1]);
		assert_fails(text.bytes, message.bytes);
		assert_int_equal(fault.at.column, 5);
	}
}

test(run_flags_are_taken)
{
	must_run("FROM b\nRUN --network=none --security=insecure "
		 "--device=vendor.com/class=a,required "
		 "--device=name=b x\n");
	assert_int_equal(steps[0]->run.network, RUN_NETWORK_NONE);
	assert_true(steps[0]->run.is_insecure);
	assert_int_equal(steps[0]->run.device_count, 2);
	assert_string_equal(steps[0]->run.device[0].name, "vendor.com/class=a");
	assert_true(steps[0]->run.device[0].is_required);
	assert_string_equal(steps[0]->run.device[1].name, "b");
}

test(copies_have_clean_paths)
{
	const struct step_copy *copy;

	must_run("FROM b\nWORKDIR /w\nENV D=dir F=file\n"
		 "COPY --chown=a:$F --chmod=755 --link --exclude=*.$F $F /../x/./y*.c $D/\n"
		 "COPY . .\nCOPY [\"a b\", \"/x y\"]\nADD x.tar /\n");
	copy = &steps[2]->copy;
	assert_int_equal(copy->from.kind, ORIGIN_CONTEXT);
	assert_string_equal(copy->source[0].path, "file");
	assert_false(copy->source[0].has_wildcards);
	assert_string_equal(copy->source[1].path, "x/y*.c");
	assert_true(copy->source[1].has_wildcards);
	assert_string_equal(copy->dest, "/w/dir/");
	assert_true(copy->dest_is_dir);
	assert_string_equal(copy->chown, "a:file");
	assert_int_equal(copy->mode.mode, 0755);
	assert_true(copy->link);
	assert_texts(&copy->excludes, "*.file");
	assert_false(copy->unpack);
	assert_string_equal(steps[2]->created_by,
			    "COPY --chown=a:file --chmod=755 file /../x/./y*.c /w/dir/");
	assert_string_equal(steps[3]->copy.source[0].path, ".");
	assert_string_equal(steps[3]->copy.dest, "/w/");
	assert_string_equal(steps[4]->copy.source[0].path, "a b");
	assert_string_equal(steps[4]->copy.dest, "/x y");
	assert_true(steps[5]->copy.unpack);
	assert_string_equal(steps[5]->copy.dest, "/");
}

test(copies_with_parents_have_a_pivot)
{
	must_run("FROM b\nCOPY --parents a/b/./c/*.h d/e /x/\n");
	assert_string_equal(steps[0]->copy.source[0].path, "a/b");
	assert_string_equal(steps[0]->copy.source[0].pattern, "c/*.h");
	assert_true(steps[0]->copy.source[0].has_wildcards);
	assert_string_equal(steps[0]->copy.source[1].path, ".");
	assert_string_equal(steps[0]->copy.source[1].pattern, "d/e");
}

test(heredocs_become_files)
{
	const struct step_copy *copy;

	must_run("FROM b\nENV X=1\nCOPY <<a <<-\"b\" << c f /d/\n$X \\$X \"q\" 'q' "
		 "\\\nx\na\n\t$X\\\nb\nc\n");
	copy = &steps[1]->copy;
	assert_int_equal(copy->source_count, 4);
	assert_int_equal(copy->source[0].kind, COPY_TEXT);
	assert_string_equal(copy->source[0].name, "a");
	assert_string_equal(copy->source[0].content, "1 $X \"q\" 'q' \nx\n");
	assert_string_equal(copy->source[1].content, "$X\\\n");
	assert_string_equal(copy->source[2].name, "c");
	assert_string_equal(copy->source[2].content, "");
	assert_int_equal(copy->source[3].kind, COPY_PATH);
	assert_string_equal(steps[1]->created_by, "COPY <<a <<b <<c f /d/");
}

test(a_fault_in_a_heredoc_is_at_its_line)
{
	assert_fails("FROM b\nCOPY <<E /x\na\nb ${X:?}\nE\n",
		     "Dockerfile:4: COPY: X: is not allowed to be unset");
}

test(each_repository_has_its_own_checksum_and_git_directory)
{
	must_run("FROM b\n"
		 "ADD git@h:a?checksum=12ab git@h:b?checksum=34cd&keep-git-dir=1 git@h:c /d/\n"
		 "ADD --checksum=56ef --keep-git-dir git@h:d /e/\n");
	assert_string_equal(steps[0]->copy.source[0].git.checksum, "12ab");
	assert_int_equal(steps[0]->copy.source[0].git.keep_git_dir, CHOICE_NO);
	assert_string_equal(steps[0]->copy.source[1].git.checksum, "34cd");
	assert_int_equal(steps[0]->copy.source[1].git.keep_git_dir, CHOICE_YES);
	assert_null(steps[0]->copy.source[2].git.checksum);
	assert_int_equal(steps[0]->copy.source[2].git.keep_git_dir, CHOICE_NO);
	assert_string_equal(steps[1]->copy.source[0].git.checksum, "56ef");
	assert_int_equal(steps[1]->copy.source[0].git.keep_git_dir, CHOICE_YES);
	assert_fails("FROM b\nADD --checksum=12ab git@h:a?checksum=34cd /d/\n",
		     "Dockerfile:2: ADD: checksum mismatch: 12ab in the flag, 34cd in the URL");
}

test(remote_sources_are_for_add)
{
	must_run("FROM b\nADD --checksum=sha256:"
		 "0123456789012345678901234567890123456789012345678901234567890123"
		 " https://x.org/a/b.tar?c#d /\nADD --keep-git-dir=true https://x.org/r.git#v1:sub "
		 "/r\n"
		 "ADD --unpack=true http://x.org /z\nADD git@h:o/r?branch=b&submodules=false /q\n");
	assert_int_equal(steps[0]->copy.source[0].kind, COPY_URL);
	assert_string_equal(steps[0]->copy.source[0].name, "b.tar");
	assert_false(steps[0]->copy.unpack_urls);
	assert_int_equal(steps[1]->copy.source[0].kind, COPY_GIT);
	assert_string_equal(steps[1]->copy.source[0].git.remote, "https://x.org/r.git");
	assert_string_equal(steps[1]->copy.source[0].git.ref, "v1");
	assert_string_equal(steps[1]->copy.source[0].git.subdir, "sub");
	assert_true(steps[1]->copy.keep_git_dir);
	assert_string_equal(steps[2]->copy.source[0].name, "__unnamed__");
	assert_true(steps[2]->copy.unpack_urls);
	assert_string_equal(steps[3]->copy.source[0].git.ref, "refs/heads/b");
	assert_int_equal(steps[3]->copy.source[0].git.submodules, CHOICE_NO);
	assert_fails("FROM b\nCOPY https://x.org/a /\n",
		     "Dockerfile:2: COPY: source can't be a URL for COPY");
	assert_fails("FROM b\nCOPY git@h:r /\n",
		     "Dockerfile:2: COPY: source can't be a git ref for COPY");
	assert_fails("FROM b\nADD --checksum=x a /\n",
		     "Dockerfile:2: ADD: checksum requires HTTP(S) or Git sources");
	assert_fails("FROM b\nADD https://x.org/r.git?tag=a&ref=b /\n",
		     "Dockerfile:2: ADD: git source 'https://x.org/r.git?tag=a&ref=b': ref "
		     "conflicts: \"refs/tags/a\" and \"b\"");
}

test(triggers_of_the_base_come_first)
{
	strings_add(&config.on_build, "RUN <<E\necho $A\nE");
	strings_add(&config.on_build, "ENV A=1");
	must_run("FROM img\nENV B=$A\n");
	assert_int_equal(evaluation.step_count, 3);
	assert_true(steps[0]->is_trigger);
	assert_texts(&steps[0]->run.argv, "/bin/sh|-c|echo $A\n");
	assert_string_equal(env("B"), "1");
	assert_int_equal(config.on_build.count, 0);
}

test(triggers_are_recorded_as_they_will_be_read)
{
	must_run("FROM b\nonbuild  RUN a \\\n  $B\nONBUILD COPY <<x <<-y /\n1\nx\n\t2\n\ty\n");
	assert_list(&config.on_build, "RUN a   $B|COPY <<x <<-y /\n1\nx\n\t2\ny");
}

test(triggers_must_be_single_and_allowed)
{
	static const char *const bad[] = { "FROM x", "ONBUILD RUN x",	  "RUN a\nRUN b",
					   "FOO",    "COPY --form=a b c", "COPY --from=0 b c" };

	for (size_t i = 0; i < array_count(bad); i++) {
		struct err err = { 0 };

		config_done(&config);
		strings_add(&config.on_build, bad[i]);
		assert_int_equal(run("FROM img\n", &err), -EINVAL);
		assert_true(text_starts(err.text, "ONBUILD of img:1: "));
	}
}

test(triggers_tell_what_they_need)
{
	struct config second = { 0 };
	struct evaluation child;
	struct err err = { 0 };

	assert_int_equal(plan_text("FROM a AS tools\nFROM img\n", &err), 0);
	strings_add(&second.on_build, "COPY --from=tools /a /b");
	strings_add(&second.on_build, "RUN --mount=from=other,target=/x y");
	assert_int_equal(run_stage(&child, 1, &second, NULL, &err), 0);
	assert_int_equal(child.trigger_origins.count, 2);
	assert_int_equal(child.trigger_origins.item[0].kind, ORIGIN_STAGE);
	assert_int_equal(child.trigger_origins.item[0].stage, 0);
	assert_int_equal(child.trigger_origins.item[1].kind, ORIGIN_IMAGE);
	config_done(&second);
}

test(variables_without_a_value_are_reported)
{
	must_run("FROM b\nENV A=$B C=${D:-x} E=$B\n");
	assert_int_equal(steps[0]->unmatched.count, 2);
	assert_string_equal(steps[0]->unmatched.item[0], "B");
	assert_string_equal(steps[0]->unmatched.item[1], "D");
}

#define RUN_RESET(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_RESET(all_of_one_env_see_what_was_before_it),
		RUN_RESET(quotes_decide_what_env_replaces),
		RUN_RESET(env_of_the_base_is_seen),
		RUN_RESET(an_argument_has_the_value_given_or_its_default),
		RUN_RESET(a_default_may_use_what_stands_to_its_left),
		RUN_RESET(the_later_of_env_and_argument_counts),
		RUN_RESET(global_arguments_must_be_declared_again),
		RUN_RESET(proxies_need_no_argument),
		RUN_RESET(a_stage_on_a_stage_goes_on_with_its_environment),
		RUN_RESET(commands_have_a_shell_form_and_an_exec_form),
		RUN_RESET(a_new_entrypoint_drops_the_command_of_the_base_only),
		RUN_RESET(metadata_is_merged_into_the_config),
		RUN_RESET(ports_may_come_from_variables),
		RUN_RESET(every_port_may_be_exposed),
		RUN_RESET(health_checks_are_durations_and_a_test),
		RUN_RESET(directories_follow_each_other),
		RUN_RESET(scratch_begins_at_the_root),
		RUN_RESET(bad_values_are_refused_with_their_place),
		RUN_RESET(a_heredoc_is_the_script_of_run),
		RUN_RESET(mounts_have_the_defaults_of_their_type),
		RUN_RESET(mounts_take_what_is_written),
		RUN_RESET(mounts_that_make_no_sense_are_refused),
		RUN_RESET(run_flags_are_taken),
		RUN_RESET(copies_have_clean_paths),
		RUN_RESET(copies_with_parents_have_a_pivot),
		RUN_RESET(heredocs_become_files),
		RUN_RESET(a_fault_in_a_heredoc_is_at_its_line),
		RUN_RESET(each_repository_has_its_own_checksum_and_git_directory),
		RUN_RESET(remote_sources_are_for_add),
		RUN_RESET(triggers_of_the_base_come_first),
		RUN_RESET(triggers_are_recorded_as_they_will_be_read),
		RUN_RESET(triggers_must_be_single_and_allowed),
		RUN_RESET(triggers_tell_what_they_need),
		RUN_RESET(variables_without_a_value_are_reported),
	};
	int failed = RUN_ALL(tests);

	reset(NULL);
	strings_done(&build_args);
	return failed;
}
