// What the server calls: `trigger-action` and `describe` of wit/plugin.wit. The declarations are made by build.sh.
#include <string.h>

#include "action.h"
#include "plugin.h"

static void log_line(tenterhook_plugin_log_level_t level, const char *line) {
    plugin_string_t string;
    plugin_string_set(&string, line);
    tenterhook_plugin_log_write(level, &string);
}

bool exports_tenterhook_plugin_trigger_action_run(
    exports_tenterhook_plugin_trigger_action_call_t *call,
    exports_tenterhook_plugin_trigger_action_json_t *input,
    exports_tenterhook_plugin_trigger_action_json_t *ret,
    exports_tenterhook_plugin_trigger_action_failure_t *err) {
    (void)call;
    struct buffer output = {0};
    const char *problem = score((struct text){(const char *)input->ptr, input->len}, &output);
    if (problem != NULL) {
        err->tag = TENTERHOOK_PLUGIN_TYPES_FAILURE_INVALID;
        plugin_string_dup(&err->val.invalid, problem);
        return false;
    }
    log_line(TENTERHOOK_PLUGIN_LOG_LEVEL_DEBUG, "a lead");
    *ret = (plugin_string_t){(uint8_t *)output.ptr, output.len};
    return true;
}

void exports_tenterhook_plugin_describe_describe(exports_tenterhook_plugin_describe_description_t *ret) {
    memset(ret, 0, sizeof *ret);
    plugin_string_dup(&ret->name, "my-plugin");
    plugin_string_dup(&ret->version, "0.1.0");
    plugin_string_dup(&ret->summary, "Scores a lead.");
    plugin_string_dup(&ret->config_schema, "{\"type\":\"null\"}");
    plugin_string_dup(&ret->example_config, "null");
    plugin_string_dup(&ret->example_input, "{\"email\":\"anna@example.com\",\"contract_value\":12500}");
}
