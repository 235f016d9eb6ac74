// SPDX-License-Identifier: Apache-2.0
#include "cmd/build_check.h"

#include "base/banned.h"
#include "base/text.h"

void build_findings_print(const struct build_findings *findings, struct buf *out)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct build_finding *finding = &findings->item[i];

		buf_printf(out, "%s%s:%u: %s: %s\n%s       = %s\n", i ? "\n" : "", findings->file,
			   finding->at.line, finding->rule, finding->message, finding->excerpt,
			   finding->url);
	}
}

/* ---- JSON ---- */

/* Characters are counted from 0; those that are not known are left out. */
static struct json *position(struct mark at, unsigned column)
{
	struct json *json = json_new_object();

	json_set_integer(json, "line", at.line);
	if (at.column)
		json_set_integer(json, "character", column - 1);
	return json;
}

struct json *build_location_json(struct mark at)
{
	struct json *json = json_new_object();
	struct json *ranges = json_new_array();
	struct json *range = json_new_object();

	json_set(range, "start", position(at, at.column));
	json_set(range, "end", position(at, at.column + at.width));
	json_add(ranges, range);
	json_set_integer(json, "sourceIndex", 0);
	json_set(json, "ranges", ranges);
	return json;
}

static struct json *warning(const struct build_finding *finding)
{
	struct json *json = json_new_object();

	json_set_text(json, "ruleName", finding->rule);
	json_set_text(json, "description", finding->description);
	json_set_text(json, "url", finding->url);
	json_set_text(json, "detail", finding->message);
	json_set(json, "location", build_location_json(finding->at));
	return json;
}

static struct json *source(const struct build_findings *findings)
{
	struct json *json = json_new_object();
	auto_buf data = { 0 };

	text_add_base64(&data, findings->text, findings->text_bytes);
	json_set_text(json, "filename", findings->file);
	json_set_text(json, "language", "Dockerfile");
	json_set_text(json, "data", buf_text(&data));
	return json;
}

void build_findings_print_json(const struct build_findings *findings, const char *error,
			       struct buf *out)
{
	auto_json *json = json_new_object();
	struct json *warnings = json_new_array();
	struct json *sources = json_new_array();
	struct json *build_error;

	for (size_t i = 0; i < findings->count; i++)
		json_add(warnings, warning(&findings->item[i]));
	if (findings->file)
		json_add(sources, source(findings));
	json_set(json, "warnings", warnings);
	json_set(json, "sources", sources);
	if (error) {
		build_error = json_new_object();
		json_set_text(build_error, "message", error);
		json_set(json, "buildError", build_error);
	}
	json_print(json, JSON_PRETTY, out);
	buf_add_char(out, '\n');
}
