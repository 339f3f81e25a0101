// What the server calls: `response-mapping` and `describe` of wit/plugin.wit. The declarations are made by build.sh.
#include <string.h>

#include "mapping.h"
#include "plugin.h"

static void log_line(tenterhook_plugin_log_level_t level, const char *line) {
    plugin_string_t string;
    plugin_string_set(&string, line);
    tenterhook_plugin_log_write(level, &string);
}

bool exports_tenterhook_plugin_response_mapping_map(
    exports_tenterhook_plugin_response_mapping_call_t *call,
    exports_tenterhook_plugin_response_mapping_response_t *response,
    exports_tenterhook_plugin_response_mapping_verdict_t *ret,
    exports_tenterhook_plugin_response_mapping_failure_t *err) {
    (void)call, (void)err;
    struct text body = {(const char *)response->body.ptr, response->body.len};
    struct buffer text = {0};
    log_line(TENTERHOOK_PLUGIN_LOG_LEVEL_DEBUG, "an answer");
    enum verdict found = verdict(response->status, body, &text);
    plugin_string_t string = {(uint8_t *)text.ptr, text.len};
    switch (found) {
    case ACCEPTED:
        ret->tag = EXPORTS_TENTERHOOK_PLUGIN_RESPONSE_MAPPING_VERDICT_ACCEPTED;
        ret->val.accepted = string;
        break;
    case RETRY:
        ret->tag = EXPORTS_TENTERHOOK_PLUGIN_RESPONSE_MAPPING_VERDICT_RETRY;
        ret->val.retry = string;
        break;
    case FAILED:
        ret->tag = EXPORTS_TENTERHOOK_PLUGIN_RESPONSE_MAPPING_VERDICT_FAILED;
        ret->val.failed = string;
        break;
    }
    return true;
}

void exports_tenterhook_plugin_describe_describe(exports_tenterhook_plugin_describe_description_t *ret) {
    memset(ret, 0, sizeof *ret);
    plugin_string_dup(&ret->name, "my-plugin");
    plugin_string_dup(&ret->version, "0.1.0");
    plugin_string_dup(&ret->summary, "Reads the answer of a help desk to a new ticket.");
    plugin_string_dup(&ret->config_schema, "{\"type\":\"null\"}");
    plugin_string_dup(&ret->example_config, "null");
    plugin_string_dup(&ret->example_input, "{\"id\":\"T-1042\"}");
}
