// What the server calls: `payload-template` and `describe` of wit/plugin.wit. The declarations are made by build.sh.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugin.h"
#include "template.h"

static struct text text_from(plugin_string_t string) {
    return (struct text){(const char *)string.ptr, string.len};
}

static void log_line(tenterhook_plugin_log_level_t level, const char *line) {
    plugin_string_t string;
    plugin_string_set(&string, line);
    tenterhook_plugin_log_write(level, &string);
}

// Sets the content type, in place of any other.
static void set_content_type(tenterhook_plugin_types_list_field_t *headers, const char *type) {
    static const char name[] = "content-type";
    tenterhook_plugin_types_field_t *all = malloc((headers->len + 1) * sizeof *all);
    if (all == NULL) abort();
    size_t len = 0;
    for (size_t at = 0; at < headers->len; at++) {
        plugin_string_t other = headers->ptr[at].name;
        bool same = other.len == strlen(name) && strncasecmp((const char *)other.ptr, name, other.len) == 0;
        if (!same) all[len++] = headers->ptr[at];
    }
    plugin_string_dup(&all[len].name, name);
    plugin_string_dup(&all[len].value, type);
    *headers = (tenterhook_plugin_types_list_field_t){all, len + 1};
}

bool exports_tenterhook_plugin_payload_template_render(
    exports_tenterhook_plugin_payload_template_call_t *call,
    exports_tenterhook_plugin_payload_template_json_t *input,
    exports_tenterhook_plugin_payload_template_request_t *base,
    exports_tenterhook_plugin_payload_template_option_request_t *ret,
    exports_tenterhook_plugin_payload_template_failure_t *err) {
    struct buffer body = {0};
    const char *problem = message(text_from(call->config), text_from(*input), &body);
    if (problem != NULL) {
        err->tag = TENTERHOOK_PLUGIN_TYPES_FAILURE_INVALID;
        plugin_string_dup(&err->val.invalid, problem);
        return false;
    }
    log_line(TENTERHOOK_PLUGIN_LOG_LEVEL_INFO, "a message");
    ret->is_some = true;
    ret->val = *base;
    ret->val.body = (plugin_list_u8_t){(uint8_t *)body.ptr, body.len};
    set_content_type(&ret->val.headers, "application/json");
    return true;
}

void exports_tenterhook_plugin_describe_describe(exports_tenterhook_plugin_describe_description_t *ret) {
    memset(ret, 0, sizeof *ret);
    plugin_string_dup(&ret->name, "my-plugin");
    plugin_string_dup(&ret->version, "0.1.0");
    plugin_string_dup(&ret->summary, "Tells a chat channel about a lead.");
    plugin_string_dup(&ret->config_schema,
        "{\"type\":\"object\",\"properties\":{\"channel\":{\"type\":\"string\"}},\"required\":[\"channel\"],"
        "\"additionalProperties\":false}");
    plugin_string_dup(&ret->example_config, "{\"channel\":\"#sales\"}");
    plugin_string_dup(&ret->example_input, "{\"name\":\"Anna\",\"email\":\"anna@example.com\"}");
}
