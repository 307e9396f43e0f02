# What is compiled in. Each feature is a definition (CEDE_HAVE_URING, ...) that every source file
# sees, and CEDE_DEPENDENCIES is what the library links with.

set(CEDE_DEPENDENCIES Threads::Threads)
set(CEDE_PC_REQUIRES_PRIVATE "")

set(CEDE_HAVE_URING OFF)
if(CEDE_URING AND PkgConfig_FOUND)
  pkg_check_modules(LIBURING IMPORTED_TARGET liburing>=2.3)
  if(LIBURING_FOUND)
    set(CEDE_HAVE_URING ON)
    add_compile_definitions(CEDE_HAVE_URING)
    list(APPEND CEDE_DEPENDENCIES PkgConfig::LIBURING)
    set(CEDE_PC_REQUIRES_PRIVATE "liburing >= 2.3")
  endif()
endif()

if(CEDE_VALGRIND)
  include(CheckIncludeFile)
  check_include_file(valgrind/valgrind.h CEDE_VALGRIND_HEADER)
  if(CEDE_VALGRIND_HEADER)
    add_compile_definitions(CEDE_HAVE_VALGRIND)
  endif()
endif()

if(CEDE_SWITCH_UCONTEXT)
  add_compile_definitions(CEDE_SWITCH_UCONTEXT)
endif()

message(STATUS "cede: io_uring backend: ${CEDE_HAVE_URING}")
