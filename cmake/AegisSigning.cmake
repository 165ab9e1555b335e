# Test signing: a self-signed code-signing certificate that each build tree generates for itself, and
# aegis_sign() to sign an image with it. The key never leaves the build tree.

find_program(AEGIS_OPENSSL openssl REQUIRED)
find_program(AEGIS_OSSLSIGNCODE osslsigncode REQUIRED)

set(AEGIS_SIGNING_DIR ${CMAKE_BINARY_DIR}/signing)
set(AEGIS_SIGNING_KEY ${AEGIS_SIGNING_DIR}/AegisTest.key)
set(AEGIS_SIGNING_PEM ${AEGIS_SIGNING_DIR}/AegisTest.pem)
set(AEGIS_SIGNING_CER ${AEGIS_SIGNING_DIR}/AegisTest.cer)
file(MAKE_DIRECTORY ${AEGIS_SIGNING_DIR})

add_custom_command(
    OUTPUT ${AEGIS_SIGNING_KEY} ${AEGIS_SIGNING_PEM} ${AEGIS_SIGNING_CER}
    COMMAND ${AEGIS_OPENSSL} genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out ${AEGIS_SIGNING_KEY}
    COMMAND ${AEGIS_OPENSSL} req -x509 -sha256 -days 3650 -batch -key ${AEGIS_SIGNING_KEY}
            -config ${PROJECT_SOURCE_DIR}/cmake/test-certificate.cnf -out ${AEGIS_SIGNING_PEM}
    COMMAND ${AEGIS_OPENSSL} x509 -in ${AEGIS_SIGNING_PEM} -outform DER -out ${AEGIS_SIGNING_CER}
    DEPENDS ${PROJECT_SOURCE_DIR}/cmake/test-certificate.cnf
    COMMENT "Generating the test-signing certificate"
    VERBATIM)
add_custom_target(aegis_signing_certificate DEPENDS ${AEGIS_SIGNING_PEM} ${AEGIS_SIGNING_CER})

# aegis_sign_in_place(<target>): the target's image is signed as soon as it is linked.
function(aegis_sign_in_place target)
    set(image $<TARGET_FILE:${target}>)
    add_custom_command(
        TARGET ${target} POST_BUILD
        COMMAND ${CMAKE_COMMAND} -E rm -f ${image}.signed
        COMMAND ${AEGIS_OSSLSIGNCODE} sign -certs ${AEGIS_SIGNING_PEM} -key ${AEGIS_SIGNING_KEY} -h sha256
                -n "Aegis" -in ${image} -out ${image}.signed > ${image}.log
        COMMAND ${CMAKE_COMMAND} -E rename ${image}.signed ${image}
        VERBATIM)
    # With another certificate, again.
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${AEGIS_SIGNING_KEY} ${AEGIS_SIGNING_PEM})
    add_dependencies(${target} aegis_signing_certificate)
endfunction()

# aegis_sign(<target> <signed file>): <signed file> is the target's image, signed, and part of the default build.
function(aegis_sign target signed)
    add_custom_command(
        OUTPUT ${signed}
        # osslsigncode refuses to overwrite.
        COMMAND ${CMAKE_COMMAND} -E rm -f ${signed}
        COMMAND ${AEGIS_OSSLSIGNCODE} sign -certs ${AEGIS_SIGNING_PEM} -key ${AEGIS_SIGNING_KEY} -h sha256
                -n "Aegis" -in $<TARGET_FILE:${target}> -out ${signed} > ${signed}.log
        DEPENDS ${target} ${AEGIS_SIGNING_KEY} ${AEGIS_SIGNING_PEM}
        COMMENT "Signing ${target}"
        VERBATIM)
    add_custom_target(${target}_signed ALL DEPENDS ${signed})
    add_dependencies(${target}_signed aegis_signing_certificate)
endfunction()
