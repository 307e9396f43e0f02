# Headers, both libraries, cede.pc and the CMake package. The archive's users need liburing to link:
# pkg-config tells them through Requires.private, CMake through find_dependency.

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cede)

install(TARGETS cede_static cede_shared EXPORT cedeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CEDE_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cede)
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include/cede.h)
  install(FILES include/cede.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
file(GLOB man_pages CONFIGURE_DEPENDS docs/*.1)
install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

install(EXPORT cedeTargets NAMESPACE cede:: DESTINATION ${package_dir})
configure_package_config_file(cmake/cedeConfig.cmake.in cedeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(cedeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cedeConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/cedeConfigVersion.cmake
  DESTINATION ${package_dir})

# cede.pc finds its prefix from where it lies, so an installed tree can be moved.
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
foreach(dir INCLUDEDIR LIBDIR)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_${dir}})
    set(pc_${dir} ${CMAKE_INSTALL_${dir}})
  else()
    set(pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
configure_file(cmake/cede.pc.in cede.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cede.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
