"""The signatures of drivers and programs: valid under the generated certificate, and only under that one, and only untouched.

Usage: signature_test.py <osslsigncode> <openssl> <certificate> <exported certificate> <image>…
"""

import os
import subprocess
import sys
import tempfile
import unittest

from pe_image import PeImage

osslsigncode, openssl, certificate, exported = sys.argv[1:5]
images = sys.argv[5:]


def verify(image, authority):
    """(accepted, what the tool said)"""
    done = subprocess.run([osslsigncode, "verify", "-CAfile", authority, "-in", image], capture_output=True, text=True)
    return done.returncode == 0, done.stdout


class Signature(unittest.TestCase):
    # Catches: an unsigned image, a signature by another key, a hash weaker than SHA-256.
    def test_verifies_against_the_generated_certificate(self):
        for image in images:
            accepted, output = verify(image, certificate)
            self.assertTrue(accepted, output)
            self.assertIn("Message digest algorithm  : SHA256", output)

    # Catches: a check that passes whatever the image holds.
    def test_refuses_an_image_whose_code_was_changed(self):
        for image in images:
            pe = PeImage(image)
            data = bytearray(pe.data)
            code = pe.section_of(pe.entry)
            data[code.raw_offset + pe.entry - code.address] ^= 0xFF
            with tempfile.TemporaryDirectory() as folder:
                tampered = os.path.join(folder, os.path.basename(image))
                with open(tampered, "wb") as file:
                    file.write(data)
                accepted, output = verify(tampered, certificate)
            self.assertFalse(accepted, output)

    # Catches: a check that passes whoever signed.
    def test_refuses_another_certificate(self):
        with tempfile.TemporaryDirectory() as folder:
            stranger = os.path.join(folder, "stranger.pem")
            subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-batch", "-days", "1",
                            "-subj", "/CN=Stranger", "-keyout", os.path.join(folder, "key.pem"), "-out", stranger],
                           check=True, capture_output=True)
            for image in images:
                accepted, output = verify(image, stranger)
                self.assertFalse(accepted, output)

    # Catches: a certificate that Windows would not accept for code, or a .cer file of another one.
    def test_exported_certificate_is_the_signer_and_good_for_code_signing(self):
        text = subprocess.run([openssl, "x509", "-inform", "DER", "-in", exported, "-noout", "-text"],
                              check=True, capture_output=True, text=True).stdout
        self.assertIn("Code Signing", text)
        self.assertIn("sha256WithRSAEncryption", text)

        def fingerprint(*arguments):
            return subprocess.run([openssl, "x509", "-noout", "-fingerprint", "-sha256", *arguments],
                                  check=True, capture_output=True, text=True).stdout

        self.assertEqual(fingerprint("-inform", "DER", "-in", exported), fingerprint("-in", certificate))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
