/*
 * handlers.h: the handlers that methods.def names, declared once: on_dict_get() and so on. Each type file
 * includes it, so that a handler and its row cannot disagree.
 */
#ifndef ROOST_CORE_HANDLERS_H
#define ROOST_CORE_HANDLERS_H

#include "core/internal.h"

#define ROOST_METHOD(type, name, number, handler_, params, reply, flags, cost, help) handler on_##handler_;
#include "wire/methods.def"
#undef ROOST_METHOD

#endif
