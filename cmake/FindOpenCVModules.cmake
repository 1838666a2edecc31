# OpenCV by module, from its single -dev packages: Debian's OpenCVConfig.cmake is in libopencv-dev, which pulls in
# a windowing toolkit that a simulator has no use for. Gives the target opencv::<module> for each COMPONENT.
find_path(OpenCVModules_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4)
set(required_variables OpenCVModules_INCLUDE_DIR)
foreach(module IN LISTS OpenCVModules_FIND_COMPONENTS)
  find_library(OpenCVModules_${module}_LIBRARY opencv_${module})
  list(APPEND required_variables OpenCVModules_${module}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenCVModules REQUIRED_VARS ${required_variables})
foreach(module IN LISTS OpenCVModules_FIND_COMPONENTS)
  if(OpenCVModules_FOUND AND NOT TARGET opencv::${module})
    add_library(opencv::${module} UNKNOWN IMPORTED)
    set_target_properties(opencv::${module} PROPERTIES
      IMPORTED_LOCATION ${OpenCVModules_${module}_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${OpenCVModules_INCLUDE_DIR}
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${OpenCVModules_INCLUDE_DIR})
  endif()
endforeach()
