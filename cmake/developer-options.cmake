set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Fused multiply-add where the compiler sees fit would make the bits depend on the optimiser: digests are pinned.
add_compile_options(-ffp-contract=off)
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict) # false alarms in std::string + std::string, GCC bug 105651
endif()
if(BITEMARK_WARNINGS_AS_ERRORS)
  add_compile_options(-Werror)
endif()
if(BITEMARK_SANITIZE)
  add_compile_options(-fsanitize=${BITEMARK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BITEMARK_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False alarms under instrumentation: in std::regex (GCC bug 105562), in sums of strings.
    add_compile_options(-Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
  endif()
endif()
if(BITEMARK_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link) # coverage for libFuzzer in every library; main comes with the programs
endif()

# bitemark_library(sim DEPENDS ...): all of src/<name>/*.cpp as bitemark_<name>, src/ as include root.
function(bitemark_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(bitemark_${name} STATIC ${sources})
  target_include_directories(bitemark_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(bitemark_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
endfunction()
