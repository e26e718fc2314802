# libraft and libuv, which only clusters need. libraft before 0.22.1, such as the 0.15.0 of Debian 12, contradicts and loses
# entries that it has acknowledged: better no cluster than that one.
set(ROOST_RAFT_VERSION 0.22.1)
pkg_check_modules(RAFT QUIET IMPORTED_TARGET raft)
pkg_check_modules(UV QUIET IMPORTED_TARGET libuv)
if(NOT RAFT_FOUND OR NOT UV_FOUND)
  message(FATAL_ERROR "libraft (${ROOST_RAFT_VERSION} or later) and libuv were not found: tools/setup installs them; "
                      "-DROOST_CLUSTER=OFF builds a server that cannot be a node of a cluster")
elseif(RAFT_VERSION VERSION_LESS ROOST_RAFT_VERSION)
  message(FATAL_ERROR "libraft ${RAFT_VERSION} was found, which loses data: clusters need ${ROOST_RAFT_VERSION} or later; "
                      "tools/setup installs it; -DROOST_CLUSTER=OFF builds a server that cannot be a node of a cluster")
endif()
add_compile_definitions(ROOST_CLUSTER)
