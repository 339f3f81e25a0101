#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "json.h"

// Adds the message about a lead; answers NULL, or why there is none.
const char *message(struct text config, struct text lead, struct buffer *body);

#endif
