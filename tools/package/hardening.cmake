# How everything is compiled and linked: mistakes that remain shall be hard to use. tests/package/test_hardening.sh looks at
# what came out; CONTRIBUTING.md says what it costs. -DROOST_HARDEN=OFF is for measuring that, not for use.
option(ROOST_HARDEN "Stack protector, _FORTIFY_SOURCE, position independent programs, read-only relocations" ON)
if(NOT ROOST_HARDEN)
  return()
endif()
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
add_compile_options(-fstack-protector-strong)
check_c_compiler_flag(-fcf-protection ROOST_HAS_CF_PROTECTION) # x86 only
if(ROOST_HAS_CF_PROTECTION)
  add_compile_options(-fcf-protection)
endif()
if(NOT ROOST_SANITIZE) # the sanitizers stand in front of the same functions
  add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
