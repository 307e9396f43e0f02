# The language, the warnings and the hardening, for everything in the tree. Flags that a compiler
# may lack are tried first; they are directory options, so a project that embeds cede keeps its own.

include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckPIESupported)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Assertions stay on in release.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config} "${CMAKE_C_FLAGS_${config}}")
endforeach()

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
                    -Wpointer-arith -Wwrite-strings)
if(CEDE_WERROR)
  add_compile_options(-Werror)
endif()
# Failed assertions name files as seen from the top of the tree, wherever it was built.
add_compile_options(-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

# Adds the flag where the compiler takes it without a murmur.
function(cede_add_flag flag)
  string(MAKE_C_IDENTIFIER "CEDE_FLAG${flag}" variable)
  set(CMAKE_REQUIRED_FLAGS -Werror)
  check_c_compiler_flag(${flag} ${variable})
  if(${variable})
    add_compile_options(${flag})
  endif()
endfunction()

# A static variable may change while inline assembly switches stacks: see src/coro/switch.h.
cede_add_flag(-fno-ipa-reference)

if(CEDE_HARDENING)
  cede_add_flag(-fstack-protector-strong)
  # A function with a large frame touches every page of it, so that it cannot step over a guard.
  cede_add_flag(-fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    # Not "full": shadow stacks would have to be switched with the stacks. Objects that do not carry
    # the SHSTK mark keep the process out of shadow stacks; indirect branches are protected.
    cede_add_flag(-fcf-protection=branch)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    cede_add_flag(-mbranch-protection=bti)
  endif()
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
  cede_add_flag(-fno-plt) # Everything is bound at start: call through the table without a stub.

  # Sanitizers bring their own checks of the C library's functions; without optimisation there are
  # none. Level 3 is known to gcc 12 and clang 9, with glibc 2.34.
  if(NOT CEDE_SANITIZE)
    set(CMAKE_REQUIRED_FLAGS "-Werror -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
    check_c_source_compiles("#include <string.h>\nint main(void) { return 0; }" CEDE_FORTIFY_3)
    unset(CMAKE_REQUIRED_FLAGS)
    set(level 2)
    if(CEDE_FORTIFY_3)
      set(level 3)
    endif()
    add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=${level}>")
  endif()
endif()

if(CEDE_SANITIZE)
  add_compile_options(-fsanitize=${CEDE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CEDE_SANITIZE})
endif()
