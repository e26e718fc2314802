# cmake -DIN=page.html -DOUT=page.c -P embed.cmake: a file as an array of bytes.
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"shell/page.h\"\nconst unsigned char page_html[] = {${bytes}};\nconst size_t page_html_len = sizeof(page_html);\n")
