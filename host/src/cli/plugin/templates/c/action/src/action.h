#ifndef ACTION_H
#define ACTION_H

#include "json.h"

// Adds the score of a lead, a JSON object; answers NULL, or why there is none.
const char *score(struct text lead, struct buffer *output);

#endif
