# ROOST_DATE_EPOCH, the date on what is made from the source (man pages, changelogs), so that the same source makes the same files:
# $SOURCE_DATE_EPOCH, else the last commit's, else the changelog's.
set(ROOST_DATE_EPOCH "$ENV{SOURCE_DATE_EPOCH}")
if(NOT ROOST_DATE_EPOCH)
  execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} log -1 --format=%ct OUTPUT_VARIABLE ROOST_DATE_EPOCH
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT ROOST_DATE_EPOCH)
  file(TIMESTAMP ${CMAKE_SOURCE_DIR}/CHANGELOG.md ROOST_DATE_EPOCH %s UTC)
endif()
