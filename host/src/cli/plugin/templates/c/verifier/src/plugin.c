// What the server calls: `inbound-verifier` and `describe` of wit/plugin.wit. The declarations are made by build.sh.
#include <string.h>
#include <strings.h>

#include "plugin.h"
#include "verifier.h"

static void log_line(tenterhook_plugin_log_level_t level, const char *line) {
    plugin_string_t string;
    plugin_string_set(&string, line);
    tenterhook_plugin_log_write(level, &string);
}

static struct text text_from(plugin_string_t string) {
    return (struct text){(const char *)string.ptr, string.len};
}

// The value of the first header of this name; empty if there is none.
static struct text header(const exports_tenterhook_plugin_inbound_verifier_list_field_t *headers, const char *name) {
    for (size_t at = 0; at < headers->len; at++) {
        plugin_string_t other = headers->ptr[at].name;
        bool same = other.len == strlen(name) && strncasecmp((const char *)other.ptr, name, other.len) == 0;
        if (same) return text_from(headers->ptr[at].value);
    }
    return (struct text){"", 0};
}

// The secret `token`; empty if there is none.
static struct text token_of(const exports_tenterhook_plugin_inbound_verifier_list_secret_t *secrets) {
    for (size_t at = 0; at < secrets->len; at++) {
        if (text_is(text_from(secrets->ptr[at].name), "token")) return text_from(secrets->ptr[at].value);
    }
    return (struct text){"", 0};
}

bool exports_tenterhook_plugin_inbound_verifier_verify(
    exports_tenterhook_plugin_inbound_verifier_call_t *call,
    exports_tenterhook_plugin_inbound_verifier_inbound_request_t *request,
    exports_tenterhook_plugin_inbound_verifier_list_secret_t *secrets,
    exports_tenterhook_plugin_inbound_verifier_judgement_t *ret,
    exports_tenterhook_plugin_inbound_verifier_failure_t *err) {
    (void)call;
    struct text token = token_of(secrets), answer = {0};
    if (token.len == 0) {
        err->tag = TENTERHOOK_PLUGIN_TYPES_FAILURE_INVALID;
        plugin_string_dup(&err->val.invalid, "the trigger names no secret `token`");
        return false;
    }
    struct text body = {(const char *)request->body.ptr, request->body.len};
    memset(ret, 0, sizeof *ret);
    log_line(TENTERHOOK_PLUGIN_LOG_LEVEL_DEBUG, "a call");
    switch (judge(header(&request->headers, "x-token"), token, body, &answer)) {
    case ACCEPTED: {
        struct text id = header(&request->headers, "x-event-id");
        ret->tag = EXPORTS_TENTERHOOK_PLUGIN_INBOUND_VERIFIER_JUDGEMENT_ACCEPTED;
        ret->val.accepted.id.is_some = id.len > 0;
        plugin_string_dup_n(&ret->val.accepted.id.val, id.ptr, id.len);
        break;
    }
    case REFUSED:
        ret->tag = EXPORTS_TENTERHOOK_PLUGIN_INBOUND_VERIFIER_JUDGEMENT_REFUSED;
        plugin_string_dup(&ret->val.refused, "x-token is missing or wrong");
        break;
    case ANSWERED:
        ret->tag = EXPORTS_TENTERHOOK_PLUGIN_INBOUND_VERIFIER_JUDGEMENT_ANSWERED;
        ret->val.answered.status = 200;
        ret->val.answered.body = (plugin_list_u8_t){(uint8_t *)answer.ptr, answer.len};
        break;
    }
    return true;
}

void exports_tenterhook_plugin_describe_describe(exports_tenterhook_plugin_describe_description_t *ret) {
    memset(ret, 0, sizeof *ret);
    plugin_string_dup(&ret->name, "my-plugin");
    plugin_string_dup(&ret->version, "0.1.0");
    plugin_string_dup(&ret->summary, "Takes calls that have the right token.");
    plugin_string_dup(&ret->config_schema, "{\"type\":\"null\"}");
    plugin_string_dup(&ret->example_config, "null");
    plugin_string_dup(&ret->example_input,
        "{\"headers\":{\"x-token\":\"example\",\"x-event-id\":\"e-1\"},\"body\":\"{}\","
        "\"secrets\":{\"token\":\"example\"}}");
}
