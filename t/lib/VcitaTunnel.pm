# VcitaTunnel - a forward proxy for flows, in a process of its own that ends with the object:
#
#   my $proxy = tunnel($port, 200);     # CONNECT: tunnels; any other status: refuses.  Whatever is no CONNECT
#                                       # gets an empty answer of that status
#   $proxy->heads                       # the heads of all requests, as they came
package VcitaTunnel;

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use POSIX ();


sub VcitaFlow::Code::tunnel {
    my ($port, $status) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
        or die "proxy: $!";
    my $log = "/tmp/vcita-tunnel-$$-$port";
    my $parent = $$;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw( __DIE__ ALRM TERM );
        alarm 60;
        while (getppid == $parent && (my $client = $listener->accept)) {
            my $head = '';
            sysread $client, $head, 1, length $head or last until $head =~ /\r\n\r\n\z/;
            open my $fh, '>>', $log;
            print $fh $head;
            close $fh;
            my ($host, $to) = $head =~ /^CONNECT (\S+):(\d+) /;
            my $server = $to && $status == 200 && IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to);
            syswrite $client, "HTTP/1.1 $status Said\r\n" . ($server ? "\r\n" : "Content-Length: 0\r\n\r\n");
            next unless $server;
            my $both = IO::Select->new($client, $server);
            ROUND: while (my @ready = $both->can_read(30)) {
                for (@ready) {
                    sysread $_, my $bytes, 65536 or last ROUND;
                    syswrite $_ == $client ? $server : $client, $bytes;
                }
            }
        }
        POSIX::_exit(0);
    }
    close $listener;
    return bless { pid => $pid, log => $log }, 'Tunnel';
}

sub Tunnel::heads { open my $fh, '<', $_[0]{log} or return ''; local $/; return scalar <$fh> }
sub Tunnel::DESTROY { local $?; kill KILL => $_[0]{pid}; waitpid $_[0]{pid}, 0; unlink $_[0]{log} }

1;
