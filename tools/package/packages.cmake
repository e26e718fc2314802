# The Debian packages, by CPack: roost-server, libroost0, libroost-dev, roost-tools. Included last: it looks at what is installed.
# A build for another prefix than /usr has a target `package` too, which makes them in a build of their own.
set(ROOST_PACKAGE_RELEASE 1 CACHE STRING "Debian revision of the packages")
set(ROOST_MAINTAINER "The roost authors <roost@roost.invalid>" CACHE STRING "Maintainer of the packages: who builds them says where to write")
if(NOT CMAKE_INSTALL_PREFIX STREQUAL /usr)
  add_custom_target(package COMMAND ${CMAKE_SOURCE_DIR}/tools/package/debs ${CMAKE_BINARY_DIR}/package USES_TERMINAL)
  return()
endif()

set(folder ${CMAKE_SOURCE_DIR}/tools/package)
set(made ${CMAKE_BINARY_DIR}/debian)
set(library libroost${ROOST_SOVERSION})

# ---- what only packages have ----
install(FILES ${CMAKE_SOURCE_DIR}/server/systemd/roostd.service ${CMAKE_SOURCE_DIR}/server/systemd/roostd.socket
        DESTINATION /lib/systemd/system COMPONENT server)
install(FILES ${CMAKE_SOURCE_DIR}/server/systemd/roostd.default DESTINATION /etc/default RENAME roostd COMPONENT server)
install(FILES ${CMAKE_SOURCE_DIR}/server/systemd/roostd.conf DESTINATION /etc/roost COMPONENT server)

file(MAKE_DIRECTORY ${made})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${folder}/changelog)
execute_process(COMMAND ${CMAKE_COMMAND} -E env SOURCE_DATE_EPOCH=${ROOST_DATE_EPOCH}
                ${folder}/changelog ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${ROOST_PACKAGE_RELEASE} ${ROOST_MAINTAINER}
                OUTPUT_FILE ${made}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
configure_file(${CMAKE_SOURCE_DIR}/CHANGELOG.md ${made}/changelog COPYONLY)
execute_process(COMMAND gzip -9nf ${made}/changelog ${made}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${CMAKE_SOURCE_DIR}/LICENSE license)
list(FILTER license EXCLUDE REGEX "^(MIT License|Copyright .*)?$")
list(JOIN license "\n " ROOST_LICENSE)
file(STRINGS ${CMAKE_SOURCE_DIR}/LICENSE ROOST_COPYRIGHT REGEX "^Copyright")
string(REGEX REPLACE "^Copyright \\(c\\) " "" ROOST_COPYRIGHT "${ROOST_COPYRIGHT}")
configure_file(${folder}/debian/copyright.in ${made}/copyright @ONLY)
configure_file(${folder}/debian/shlibs.in ${made}/shlibs @ONLY)
foreach(pair server:roost-server library:${library} dev:libroost-dev tools:roost-tools)
  string(REPLACE : ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  install(FILES ${made}/copyright ${made}/changelog.gz ${made}/changelog.Debian.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
          COMPONENT ${component})
  string(TOUPPER ${component} COMPONENT)
  set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME ${package})
endforeach()
# CPack strips programs and shared libraries, not archives.
install(CODE "if(CMAKE_INSTALL_DO_STRIP)
  execute_process(COMMAND ${CMAKE_STRIP} --strip-debug --enable-deterministic-archives
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libroost.a\")
endif()" COMPONENT dev)

# ---- all packages ----
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT ${ROOST_MAINTAINER})
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL server library dev tools)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${ROOST_PACKAGE_RELEASE})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(same "(= ${PROJECT_VERSION}-${ROOST_PACKAGE_RELEASE})")

# ---- each ----
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION net)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "adduser, init-system-helpers (>= 1.52)")
if(ROOST_CLUSTER) # dpkg-shlibdeps knows from which version on a function is there, not from which on it is right
  string(APPEND CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS ", libraft0 (>= ${ROOST_RAFT_VERSION}~)")
endif()
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS roost-tools)
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA ${folder}/debian/conffiles ${folder}/debian/postinst ${folder}/debian/prerm ${folder}/debian/postrm)
set(CPACK_COMPONENT_SERVER_DESCRIPTION "manager server for shared objects
roostd hosts dicts, lists, sets, queues, locks, semaphores, conditions,
events, barriers, values, arrays and namespaces, on which any number of
processes work, on one host or many. A client that dies frees its locks and
loses no item.
.
This package has the server, and units that start it when it is needed.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SUGGESTS roost-server)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${made}/shlibs ${folder}/debian/triggers)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "shared objects for processes, local and over the network
libroost gives C programs processes, pools, futures, and locks, queues and
values in shared memory, as Python's multiprocessing has them; and typed
proxies of objects that a server hosts.
.
This package has the shared library.")

set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${library} ${same}, libmsgpack-dev, libmbedtls-dev, libsodium-dev") # what the static library asks for
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS roost-server)
set(CPACK_COMPONENT_DEV_DESCRIPTION "shared objects for processes - development files
libroost gives C programs processes, pools, futures, and locks, queues and
values in shared memory, as Python's multiprocessing has them; and typed
proxies of objects that a server hosts.
.
This package has the headers, the static library and the manual pages.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SUGGESTS roost-server)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "shared objects from the command line
roost calls any method of any object that a roostd hosts: scripts put and get
items of queues, run commands under locks, and see who waits for what. At a
prompt it completes commands and names.")

include(CPack)
