/* page.h: the dashboard's page, page.html, made into page.c by CMake (embed.cmake). */
#ifndef ROOST_SHELL_PAGE_H
#define ROOST_SHELL_PAGE_H

#include <stddef.h>

extern const unsigned char page_html[];
extern const size_t page_html_len;

#endif
